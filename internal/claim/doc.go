// Package claim reads what the payload of a RST says of its reason: the
// diagnostic payload that the IETF works on, in its three forms, or plain text.
//
// It is what the sender, or whoever wrote in its name, wants to be believed:
// never more than that.
//
//	0x33AA, code, enterprise number   draft-ietf-tcpm-rst-diagnostic-payload-00 to -03, 4.1
//	0xF317, text                      draft-boucadair-tcpm-rst-diagnostic-payload-16, 4.2
//	CBOR: 12345, {code, number, text} the same draft before it became binary
//	plain text                        RFC 1122, 4.2.2.12
//
// The drafts have numbered the reasons three times over, the last time from
// -02 to -03. A payload does not say which edition it follows, so where the
// editions differ, the claim names each meaning.
package claim
