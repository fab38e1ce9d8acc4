// Package capture is the sensor that needs no kernel: it reads the resets out
// of files of packets, as tcpdump and Wireshark write them.
//
// The files are pcap and pcapng, of any byte order and resolution, plain or
// compressed, or a stream of these. Several are read as one, in the order of
// the packets' time. What is whole is read; what is not is counted and named.
//
// Every packet passes through here and most are no resets, so they are decoded
// where they lie, without a copy or an allocation. Only a RST is copied: it is
// held back for two seconds of the capture's time, because what follows it says
// much about who sent it.
//
// An id is a hash of the frame and its time: the same frame has the same id
// however its file was split, joined, compressed or converted.
package capture
