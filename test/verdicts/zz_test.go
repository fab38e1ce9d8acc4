package verdicts
import ("os";"fmt";"encoding/json";"github.com/rstwatch/rstwatch/internal/reset")
func zzDump(js []judged) {
 f,_ := os.OpenFile("/tmp/scratch-router/fw.txt", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0644)
 for _, j := range js { if j.record.Direction==reset.Forward && j.by.sensor==best && j.by.of=="router" {
  b,_ := json.Marshal(j.record.Evidence)
  bl := ""; if j.record.Connection!=nil { bl = j.record.Connection.Baseline.String() }
  fmt.Fprintf(f, "%s true=%s/%s said=%s(%s)/%s(%s) base=%s in=%s ttl=%d role=%s ev=%s\n", j.expect.Kind, j.expect.Sender, j.expect.Cause, j.record.Sender, j.record.Confidence.Sender, j.record.Cause, j.record.Confidence.Cause, bl, j.record.Interface.In, j.record.Packet.TTL.V, j.record.Role, b)
 }}
 f.Close()
}
