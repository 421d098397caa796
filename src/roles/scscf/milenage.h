/* TS 35.206: Milenage, the example set of the authentication functions f1 .. f5* of TS 33.102 that
 * most operators use. Pure functions; what they keep on the stack is wiped. */
#ifndef ROLES_SCSCF_MILENAGE_H
#define ROLES_SCSCF_MILENAGE_H

#include <stdint.h>

/* Of one subscriber; looked at, not copied. */
struct milenage_key {
	const uint8_t *k;   /* 16 bytes */
	const uint8_t *opc; /* 16 bytes */
};

/* f1 and f1*: the network shows that it knows K, and the USIM that its AUTS is its own. */
void milenage_f1(struct milenage_key key, const uint8_t rand[16], const uint8_t sqn[6],
		 const uint8_t amf[2], uint8_t ret_mac_a[8], uint8_t ret_mac_s[8]);

struct milenage_vector {
	uint8_t res[8], ck[16], ik[16], ak[6];
};
/* f2, f3, f4 and f5. */
void milenage_f2345(struct milenage_key key, const uint8_t rand[16], struct milenage_vector *ret);

/* f5*: hides the sequence number within AUTS. */
void milenage_f5_star(struct milenage_key key, const uint8_t rand[16], uint8_t ret_ak[6]);

#endif
