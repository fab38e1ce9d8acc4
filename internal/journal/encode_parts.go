package journal

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func (e *encoder) appendConnection(b []byte, c *reset.Connection) []byte {
	if c == nil {
		return b
	}
	b, start := beginMessage(b, resetConnection)
	b = appendUint(b, connectionState, e.text(slotState, c.State))
	b = appendOptSigned(b, connectionAgeMS, c.AgeMS)
	b = appendOptSigned(b, connectionSinceHeardMS, c.SinceHeardMS)
	b = appendOptSigned(b, connectionSinceSentMS, c.SinceSentMS)
	b = appendOptSigned(b, connectionQuietBeforeMS, c.QuietBeforeMS)
	b = appendOpt(b, connectionBytesSent, c.BytesSent)
	b = appendOpt(b, connectionBytesReceived, c.BytesReceived)
	b = appendOpt(b, connectionUnread, c.Unread)
	b = appendOpt(b, connectionUnsent, c.Unsent)
	b = appendOpt(b, connectionRTTUS, c.RTTUS)
	b = appendOpt(b, connectionMinRTTUS, c.MinRTTUS)
	b = appendOpt(b, connectionRetransmits, c.Retransmits)
	b = appendOpt(b, connectionCookie, c.Cookie)
	b = appendUint(b, connectionBaseline, uint64(c.Baseline))
	return endMessage(b, start)
}

func (e *encoder) appendProcess(b []byte, field protowire.Number, p *reset.Process, depth int) []byte {
	if p == nil {
		return b
	}
	if depth >= maxDepth {
		e.err = ErrTooLarge
		return b
	}
	b, start := beginMessage(b, field)
	b = appendOpt(b, processPID, p.PID)
	b = appendUint(b, processComm, e.text(slotComm, p.Comm))
	b = appendUint(b, processExe, e.text(slotExe, p.Exe))
	b = appendOpt(b, processUID, p.UID)
	b = appendOpt(b, processGID, p.GID)
	if p.Exit != nil {
		var exit int
		b, exit = beginMessage(b, processExit)
		b = appendOptSigned(b, exitCode, p.Exit.Code)
		b = appendUint(b, exitSignal, e.text(slotOther, p.Exit.Signal))
		b = appendBool(b, exitOOM, p.Exit.OOM)
		b = endMessage(b, exit)
	}
	b = e.appendProcess(b, processBy, p.By, depth+1)
	b = e.texts(b, processArgs, p.Args)
	return endMessage(b, start)
}

func (e *encoder) appendContainer(b []byte, c *reset.Container) []byte {
	if c == nil {
		return b
	}
	b, start := beginMessage(b, resetContainer)
	b = appendUint(b, containerID, e.text(slotContainer, c.ID))
	b = appendUint(b, containerName, e.text(slotOther, c.Name))
	b = appendUint(b, containerRuntime, e.text(slotOther, c.Runtime))
	b = appendUint(b, containerImage, e.text(slotImage, c.Image))
	b = appendUint(b, containerPod, e.text(slotPod, c.Pod))
	b = appendUint(b, containerNamespace, e.text(slotOther, c.Namespace))
	return endMessage(b, start)
}

// appendRare appends what few resets have.
func (e *encoder) appendRare(b []byte, r *reset.Reset) []byte {
	b = appendID(b, resetTwin, r.Twin)
	if n := r.NAT; n != nil {
		var start int
		b, start = beginMessage(b, resetNAT)
		b = appendEndpoint(b, natOriginalSrc, n.Original.Src)
		b = appendEndpoint(b, natOriginalDst, n.Original.Dst)
		b = appendEndpoint(b, natReplySrc, n.Reply.Src)
		b = appendEndpoint(b, natReplyDst, n.Reply.Dst)
		b = endMessage(b, start)
	}
	b = e.appendIDs(b, resetCausedBy, r.CausedBy)
	b = e.appendIDs(b, resetRelated, r.Related)
	b = e.texts(b, resetStack, r.Kernel.Stack)
	b = e.texts(b, resetUserStack, r.Kernel.UserStack)
	if f := r.Fold; f != nil {
		var start int
		b, start = beginMessage(b, resetFold)
		b = e.texts(b, foldGeneralised, f.Generalised)
		b = appendUint(b, foldCount, f.Count)
		b = appendTime(b, foldFirst, f.First)
		b = appendTime(b, foldLast, f.Last)
		b = appendUint(b, foldDistinct, f.Distinct)
		b = endMessage(b, start)
	}
	return b
}

// appendIDs appends the ids one after another in one byte string.
func (e *encoder) appendIDs(b []byte, field protowire.Number, list []reset.ID) []byte {
	if len(list) == 0 {
		return b
	}
	if len(list) > maxList {
		e.err = ErrTooLarge
		return b
	}
	b, start := beginMessage(b, field)
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return endMessage(b, start)
}

func (e *encoder) encodeCoverage(c *reset.Coverage) {
	b := e.record
	b = appendTime(b, coverageTime, c.Time)
	b = appendUint(b, coverageHost, e.text(slotHost, c.Host))
	b = appendUint(b, coverageBootID, e.text(slotBootID, c.BootID))
	b = appendUint(b, coverageNetnsID, c.Netns.ID)
	b = appendUint(b, coverageNetnsCookie, c.Netns.Cookie)
	b = appendUint(b, coverageNetnsName, e.text(slotNetns, c.Netns.Name))
	b = e.texts(b, coverageSensors, c.Sensors)
	b = appendUint(b, coverageSources, uint64(c.Sources))
	b = appendTime(b, coverageFrom, c.From)
	b = appendTime(b, coverageUntil, c.Until)
	b = appendOptSigned(b, coverageUnwatchedNS, c.UnwatchedNS)
	b = appendUint(b, coverageResets, c.Resets)
	b = appendUint(b, coverageLost, c.Lost)
	b = appendUint(b, coverageFolded, c.Folded)
	b = appendUint(b, coverageFilter, e.text(slotOther, c.Filter))
	b = appendOptSigned(b, coverageOutRsts, c.OutRsts)
	b = appendOptSigned(b, coverageSentByTCP, c.SentByTCP)
	e.record = b
}

func (e *encoder) encodeControl(c *reset.Control) {
	b := e.record
	b = appendTime(b, controlTime, c.Time)
	b = appendUint(b, controlEvent, e.text(slotOther, c.Event))
	b = appendUint(b, controlHost, e.text(slotHost, c.Host))
	b = appendUint(b, controlBootID, e.text(slotBootID, c.BootID))
	b = appendUint(b, controlVersion, e.text(slotOther, c.Version))
	b = appendUint(b, controlSegment, e.text(slotOther, c.Segment))
	b = appendBytes(b, controlChain, c.Chain)
	b = appendText(b, controlMessage, c.Message)
	e.record = e.appendLedger(b, c.Ledger)
}

func (e *encoder) appendLedger(b []byte, l *reset.Ledger) []byte {
	if l == nil {
		return b
	}
	if len(l.Sensors) > maxList {
		e.err = ErrTooLarge
		return b
	}
	b, start := beginMessage(b, controlLedger)
	for _, s := range l.Sensors {
		var sensor int
		b, sensor = beginMessage(b, ledgerSensors)
		b = appendUint(b, sensorLedgerSensor, e.text(slotOther, s.Sensor))
		b = appendUint(b, sensorLedgerSightings, s.Sightings)
		b = appendUint(b, sensorLedgerPrimary, s.Primary)
		b = appendUint(b, sensorLedgerJoined, s.Joined)
		b = appendUint(b, sensorLedgerFiltered, s.Filtered)
		b = appendUint(b, sensorLedgerLost, s.Lost)
		b = appendUint(b, sensorLedgerPending, s.Pending)
		b = endMessage(b, sensor)
	}
	h := l.Host
	b, host := beginMessage(b, ledgerHost)
	b = appendUint(b, hostLedgerResets, h.Resets)
	b = appendUint(b, hostLedgerWritten, h.Written)
	b = appendUint(b, hostLedgerFolded, h.Folded)
	b = appendUint(b, hostLedgerLost, h.Lost)
	b = appendUint(b, hostLedgerPending, h.Pending)
	b = endMessage(b, host)
	return endMessage(b, start)
}
