package harness

import (
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// The ids of the groups of commands.
const (
	groupCampaigns = "campaigns"
	groupFailures  = "failures"
	groupHistories = "histories"
)

// addHelp adds the groups of the simulator's commands, and their examples, which are good
// for any system.
func addHelp(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: groupCampaigns, Title: "Campaigns in the simulator:"},
		&cobra.Group{ID: groupFailures, Title: "Failures and their plans:"},
		&cobra.Group{ID: groupHistories, Title: "Histories of any system:"},
	)
	cli.AddHelp(root, map[string]cli.Topic{
		"fuzz": {Group: groupCampaigns, Examples: []string{
			"fuzz --seeds 500",
			"fuzz --for 8h --state night.json   # Ctrl-C, and the same line goes on",
			"fuzz --profile network --nodes 3",
			"fuzz --for 8h --serve 127.0.0.1:7788   # as long as the campaign runs",
		}},
		"serve": {Group: groupCampaigns, Examples: []string{
			"serve                                  # the folder failures",
			"serve nightly --state night.json       # and the campaign that writes this file",
		}},
		"fuzz merge":  {Examples: []string{"fuzz merge shard-0.json shard-1.json"}},
		"fuzz join":   {Examples: []string{"fuzz join seeds-0.json seeds-1000.json --state whole.json"}},
		"fuzz series": {Examples: []string{"fuzz series   # and campaigns on standard input, one a line"}},
		"replay": {Group: groupFailures, Examples: []string{
			"replay 86",
			"replay 86 --verbose",
			"replay 86 --save kept.json",
			"replay kept.json",
		}},
		"shrink":    {Group: groupFailures, Examples: []string{"shrink 86 --out small.json"}},
		"necessity": {Group: groupFailures, Examples: []string{"necessity small.json"}},
		"report": {Group: groupFailures, Examples: []string{
			"report 86",
			"report small.json --svg -o small.svg",
		}},
		"plan":          {Group: groupFailures, Examples: []string{"plan 3 >plan.json"}},
		"plan validate": {Examples: []string{"plan validate plan.json"}},
		"plan schema":   {Examples: []string{"plan schema >plan.schema.json"}},
		"check": {Group: groupHistories, Examples: []string{
			"check history.jsonl",
			"check --model cas-register jepsen.log",
			"check --model kv --html why.html history.edn.gz",
		}},
	})
}
