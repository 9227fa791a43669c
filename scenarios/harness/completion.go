package harness

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// defaultOut is the default of --out: the directory where failures are kept. Completion
// looks for them there.
const defaultOut = "failures"

// completeKept completes the argument of a command to the plans of kept failures, made
// small if they are. Other files are completed where none of them matches.
func completeKept(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var files []string
		for _, f := range keptFailures() {
			files = append(files, f.plan+"\t"+f.verdict)
		}
		return files, cobra.ShellCompDirectiveDefault
	}
}

// keptSignatures completes an expected verdict to the signatures of kept failures.
func keptSignatures() []string {
	all := []string{"passed"}
	for _, f := range keptFailures() {
		all = append(all, f.signature)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keptFailure is a failure that a campaign has kept.
type keptFailure struct {
	plan      string // file
	verdict   string // first line of the verdict
	signature string // empty if it has none
}

var signatureOfVerdict = regexp.MustCompile(`: violated (\S+) at `)

// keptFailures returns the failures in the default directory, in the order of their names.
func keptFailures() (all []keptFailure) {
	verdicts, _ := filepath.Glob(filepath.Join(defaultOut, "*", "verdict.txt")) // the pattern is valid
	for _, file := range verdicts {
		verdict := firstLineOf(file)
		m := signatureOfVerdict.FindStringSubmatch(verdict)
		if m == nil {
			continue
		}
		plan := keptPlan(filepath.Dir(file))
		all = append(all, keptFailure{filepath.ToSlash(plan), verdict, m[1]})
	}
	return all
}

// firstLineOf returns the first line of a file, or nothing.
func firstLineOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadString('\n')
	return strings.TrimSpace(line)
}
