/* A REGISTER at work: shared by the files of the registration. */
#ifndef ROLES_SCSCF_REGISTRATION_H
#define ROLES_SCSCF_REGISTRATION_H

#include "roles/scscf/scscf.h"

/* One value of Contact, understood. */
struct registration_contact {
	struct text uri;
	uint32_t expires_s;
	uint32_t reg_id;      /* RFC 5626; 0: none that counts */
	struct text instance; /* value of +sip.instance with its quotes, may be empty */
	uint16_t q;
	bool has_q;
};

struct registration {
	const struct scscf_surroundings *around;
	const struct sip_message *request;
	const struct scscf_register_arrival *arrival;
	uint64_t now_ms;
	struct text user;                    /* name of the bindings */
	struct text identity;                /* the one in To, as an address of record */
	const struct subscriber *subscriber; /* NULL: none */
	struct text path;
	bool is_outbound; /* RFC 5626 §6: flows count */
	bool star;        /* Contact: * */
	unsigned n_contacts;
	struct registration_contact contacts[LIMIT_CONTACTS_OF_USER];
	unsigned n_added;
	struct text_writer *lines, *changes;
	char path_bytes[LIMIT_ROUTE_SET_BYTES];
	char identity_bytes[LIMIT_URI_BYTES];
};

/* --- registration_contacts.c: all return a status, 200 to go on */

/* Reads Contact and checks everything, before anything is changed. */
unsigned registration_check_contacts(struct registration *r);
unsigned registration_change_contacts(struct registration *r);
void registration_list_contacts(struct registration *r);
/* Contacts of the user that are there; the longest time of one in *ret_expires_s. */
unsigned registration_contacts_left(const struct registration *r, uint32_t *ret_expires_s);

#endif
