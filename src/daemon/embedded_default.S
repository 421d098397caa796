/* etc/adieu.yaml, as read-only bytes of the daemon. */
	.section .rodata
	.balign	16
	.globl	embedded_default_begin
	.globl	embedded_default_end
	.type	embedded_default_begin, %object
	.type	embedded_default_end, %object
embedded_default_begin:
	.incbin	"adieu.yaml"
embedded_default_end:
	.byte	0
	.size	embedded_default_begin, embedded_default_end - embedded_default_begin

	.section .note.GNU-stack, "", %progbits
