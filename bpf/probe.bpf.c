// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The only compiled unit: one file a hook, so that all share the maps. Every
 * program is of type tracing: by its type it cannot change, drop or delay a
 * packet, and it is attached to no device and no namespace.
 */
#include "kernel.h"
#include "sighting.h"
#include "maps.h"
#include "packet.h"
#include "describe.h"
#include "describe_tcp.h"
#include "reply.h"
#include "table.h"
#include "known.h"
#include "hook_state.h"
#include "hook_wire.h"
#include "hook_reset_sent.h"
#include "hook_reset_received.h"
#include "hook_drop.h"

char LICENSE[] SEC("license") = "GPL";
