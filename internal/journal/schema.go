package journal

import "google.golang.org/protobuf/encoding/protowire"

// The field numbers of the record bodies, as docs/reference/journal.proto
// documents them; a test holds the two lists against each other by name. A
// number is never used again for something else: fields are only added.

// Block is the payload of one block.
const (
	blockStrings    protowire.Number = 1
	blockPlaces     protowire.Number = 2
	blockJudgements protowire.Number = 3
	blockEvidence   protowire.Number = 4
	blockResets     protowire.Number = 5
	blockCoverages  protowire.Number = 6
	blockControls   protowire.Number = 7
)

// Place is where a reset was observed.
const (
	placeHost        protowire.Number = 1
	placeBootID      protowire.Number = 2
	placeNetnsID     protowire.Number = 3
	placeNetnsCookie protowire.Number = 4
	placeNetnsName   protowire.Number = 5
	placeIn          protowire.Number = 6
	placeOut         protowire.Number = 7
	placePhysIn      protowire.Number = 8
	placePhysOut     protowire.Number = 9
)

// Judgement is what was found about a reset, in words that repeat.
const (
	judgementDirection        protowire.Number = 1
	judgementRole             protowire.Number = 2
	judgementSender           protowire.Number = 3
	judgementCause            protowire.Number = 4
	judgementSenderConfidence protowire.Number = 5
	judgementCauseConfidence  protowire.Number = 6
	judgementHarm             protowire.Number = 7
	judgementSources          protowire.Number = 8
	judgementReason           protowire.Number = 9
	judgementDropReason       protowire.Number = 10
	judgementVerdict          protowire.Number = 11
	judgementInferred         protowire.Number = 12
	judgementRule             protowire.Number = 13
	judgementClaim            protowire.Number = 14
)

// Evidence is one fact.
const (
	evidenceFact    protowire.Number = 1
	evidenceValue   protowire.Number = 2
	evidenceFor     protowire.Number = 3
	evidenceWeight  protowire.Number = 4
	evidenceAgainst protowire.Number = 5
)

// Reset is one reset. Numbers below 16 cost one byte: they are those that most
// records have.
const (
	resetID               protowire.Number = 1
	resetTime             protowire.Number = 2
	resetMono             protowire.Number = 3
	resetPlace            protowire.Number = 4
	resetJudgement        protowire.Number = 5
	resetRaw              protowire.Number = 6
	resetLinkHeader       protowire.Number = 7
	resetFlags            protowire.Number = 8
	resetTrigger          protowire.Number = 9
	resetConnection       protowire.Number = 10
	resetProcess          protowire.Number = 11
	resetContainer        protowire.Number = 12
	resetSummary          protowire.Number = 13
	resetEvidence         protowire.Number = 14
	resetPacket           protowire.Number = 15
	resetRevision         protowire.Number = 16
	resetProvisionalUntil protowire.Number = 17
	resetFlow             protowire.Number = 18
	resetPkt              protowire.Number = 19
	resetPacketID         protowire.Number = 20
	resetSrc              protowire.Number = 21
	resetDst              protowire.Number = 22
	resetTwin             protowire.Number = 23
	resetNAT              protowire.Number = 24
	resetCausedBy         protowire.Number = 25
	resetRelated          protowire.Number = 26
	resetStack            protowire.Number = 27
	resetUserStack        protowire.Number = 28
	resetFold             protowire.Number = 29
)

// The bits of a reset's flags. A bit "derived" says that the reader computes
// the field, because the writer found it equal to what is computed.
const (
	flagFinal           = 1 << iota
	flagDerivedHeaders  // src, dst and the packet's IP and TCP fields, from raw
	flagDerivedLink     // mac_src, mac_dst and vlan, from link_header
	flagDerivedPayload  // payload, from raw
	flagDerivedFlow     // reset.FlowHash
	flagDerivedPkt      // reset.PktHash
	flagDerivedPacketID // reset.PacketHash
)

// Packet holds the fields that do not derive.
const (
	packetFamily     protowire.Number = 1
	packetLength     protowire.Number = 2
	packetTOS        protowire.Number = 3
	packetTTL        protowire.Number = 4
	packetIPID       protowire.Number = 5
	packetDF         protowire.Number = 6
	packetFlowLabel  protowire.Number = 7
	packetSeq        protowire.Number = 8
	packetAck        protowire.Number = 9
	packetWindow     protowire.Number = 10
	packetFlags      protowire.Number = 11
	packetReserved   protowire.Number = 12
	packetTCPOptions protowire.Number = 13
	packetIPOptions  protowire.Number = 14
	packetUrgent     protowire.Number = 15
	packetPayload    protowire.Number = 16
	packetMACSrc     protowire.Number = 17
	packetMACDst     protowire.Number = 18
	packetVLAN       protowire.Number = 19
	packetMark       protowire.Number = 20
	packetTunnel     protowire.Number = 21
	packetCaptured   protowire.Number = 22
)

// Tunnel is one outer layer.
const (
	tunnelKind protowire.Number = 1
	tunnelSrc  protowire.Number = 2
	tunnelDst  protowire.Number = 3
	tunnelID   protowire.Number = 4
	tunnelTTL  protowire.Number = 5
)

// Trigger is the packet that a RST answers.
const (
	triggerFlags     protowire.Number = 1
	triggerSeq       protowire.Number = 2
	triggerAck       protowire.Number = 3
	triggerLength    protowire.Number = 4
	triggerTTL       protowire.Number = 5
	triggerTOS       protowire.Number = 6
	triggerIPID      protowire.Number = 7
	triggerWindow    protowire.Number = 8
	triggerMACSrc    protowire.Number = 9
	triggerMark      protowire.Number = 10
	triggerConntrack protowire.Number = 11
)

// NAT holds both tuples.
const (
	natOriginalSrc protowire.Number = 1
	natOriginalDst protowire.Number = 2
	natReplySrc    protowire.Number = 3
	natReplyDst    protowire.Number = 4
)

// Connection is the socket's last state.
const (
	connectionState         protowire.Number = 1
	connectionAgeMS         protowire.Number = 2
	connectionSinceHeardMS  protowire.Number = 3
	connectionSinceSentMS   protowire.Number = 4
	connectionQuietBeforeMS protowire.Number = 5
	connectionBytesSent     protowire.Number = 6
	connectionBytesReceived protowire.Number = 7
	connectionUnread        protowire.Number = 8
	connectionUnsent        protowire.Number = 9
	connectionRTTUS         protowire.Number = 10
	connectionMinRTTUS      protowire.Number = 11
	connectionRetransmits   protowire.Number = 12
	connectionCookie        protowire.Number = 13
	connectionBaseline      protowire.Number = 14
)

// Process is the owner of a socket.
const (
	processPID  protowire.Number = 1
	processComm protowire.Number = 2
	processExe  protowire.Number = 3
	processUID  protowire.Number = 4
	processGID  protowire.Number = 5
	processExit protowire.Number = 6
	processBy   protowire.Number = 7
	processArgs protowire.Number = 8
)

// Exit is how a process ended.
const (
	exitCode   protowire.Number = 1
	exitSignal protowire.Number = 2
	exitOOM    protowire.Number = 3
)

// Container is where the owner of a socket runs.
const (
	containerID        protowire.Number = 1
	containerName      protowire.Number = 2
	containerRuntime   protowire.Number = 3
	containerImage     protowire.Number = 4
	containerPod       protowire.Number = 5
	containerNamespace protowire.Number = 6
)

// Fold stands for folded resets.
const (
	foldGeneralised protowire.Number = 1
	foldCount       protowire.Number = 2
	foldFirst       protowire.Number = 3
	foldLast        protowire.Number = 4
	foldDistinct    protowire.Number = 5
)

// Coverage says what was watched.
const (
	coverageTime        protowire.Number = 1
	coverageHost        protowire.Number = 2
	coverageBootID      protowire.Number = 3
	coverageNetnsID     protowire.Number = 4
	coverageNetnsCookie protowire.Number = 5
	coverageNetnsName   protowire.Number = 6
	coverageSensors     protowire.Number = 7
	coverageSources     protowire.Number = 8
	coverageFrom        protowire.Number = 9
	coverageUntil       protowire.Number = 10
	coverageUnwatchedNS protowire.Number = 11
	coverageResets      protowire.Number = 12
	coverageLost        protowire.Number = 13
	coverageFolded      protowire.Number = 14
	coverageFilter      protowire.Number = 15
	coverageOutRsts     protowire.Number = 16
	coverageSentByTCP   protowire.Number = 17
)

// Control is a line about the record itself.
const (
	controlTime    protowire.Number = 1
	controlEvent   protowire.Number = 2
	controlHost    protowire.Number = 3
	controlBootID  protowire.Number = 4
	controlVersion protowire.Number = 5
	controlSegment protowire.Number = 6
	controlChain   protowire.Number = 7
	controlLedger  protowire.Number = 8
	controlMessage protowire.Number = 9
)

// Ledger is the account of everything seen.
const (
	ledgerSensors protowire.Number = 1
	ledgerHost    protowire.Number = 2
)

// SensorLedger accounts for one sensor's sightings.
const (
	sensorLedgerSensor    protowire.Number = 1
	sensorLedgerSightings protowire.Number = 2
	sensorLedgerPrimary   protowire.Number = 3
	sensorLedgerJoined    protowire.Number = 4
	sensorLedgerFiltered  protowire.Number = 5
	sensorLedgerLost      protowire.Number = 6
	sensorLedgerPending   protowire.Number = 7
)

// HostLedger accounts for every reset.
const (
	hostLedgerResets  protowire.Number = 1
	hostLedgerWritten protowire.Number = 2
	hostLedgerFolded  protowire.Number = 3
	hostLedgerLost    protowire.Number = 4
	hostLedgerPending protowire.Number = 5
)
