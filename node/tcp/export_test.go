package tcp

// DecodeVerdict lets tests read verdicts.
var DecodeVerdict = decodeVerdict

// Refusal is the verdict of a node that refuses another for a reason.
func Refusal(reason error) []byte {
	for i := range refusalCodes {
		if refusalCodes[i].reason == reason {
			return []byte{verdictNo, byte(i + 1)}
		}
	}
	panic("no code for " + reason.Error())
}

// FormerProof is the proof in the refusal of a former member.
var FormerProof = formerProof

// WarnInterval is the time in which a warning is not logged again.
const WarnInterval = warnInterval
