package main

import (
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// addHelp adds the groups of the commands of nodes and clients, and the examples of all
// commands. The ones of nodes are for three nodes at the default endpoints.
func addHelp(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: "nodes", Title: "Nodes:"},
		&cobra.Group{ID: "clients", Title: "Clients of a running cluster:"},
		&cobra.Group{ID: "operation", Title: "Operation of a cluster:"},
	)
	cli.AddHelp(root, simulatorTopics)
	cli.AddHelp(root, nodeTopics)
	cli.AddHelp(root, clientTopics)
	cli.AddHelp(root, operationTopics)
}

// simulatorTopics has examples with systems of this command, of which origin fails.
var simulatorTopics = map[string]cli.Topic{
	"fuzz": {Group: "campaigns", Examples: []string{
		"fuzz                                # 2,000 simulated clusters",
		"fuzz --system origin --seeds 500    # a protocol that fails",
		"fuzz --for 8h --state night.json    # Ctrl-C, and the same line goes on",
		"fuzz --definition lamp.yaml         # machines of your own",
		"fuzz --system origin --seeds 500 --serve 127.0.0.1:7788     # as long as the campaign runs",
	}},
	"serve": {Group: "campaigns", Examples: []string{
		"serve                                                       # the folder failures",
		"serve nightly --state night.json                            # and the campaign that writes this file",
	}},
	"fleet": {Group: "campaigns", Examples: []string{
		"fleet serve --dir fleet",
		"fleet work --binary ./mine",
		"fleet submit nightly --binary ./mine --seeds 1000000",
		"fleet status nightly --wait",
	}},
	"replay": {Group: "failures", Examples: []string{
		"replay 9 --system origin",
		"replay 9 --system origin --verbose",
		"replay 9 --system origin --save kept.json",
		"replay kept.json",
	}},
	"shrink":    {Group: "failures", Examples: []string{"shrink 9 --system origin --out small.json"}},
	"necessity": {Group: "failures", Examples: []string{"necessity small.json"}},
	"report": {Group: "failures", Examples: []string{
		"report failures/origin-9-agreement-applied-twice",
		"report 9 --system origin -o nine.html",
		"report small.json --svg -o small.svg",
	}},
}

var nodeTopics = map[string]cli.Topic{
	"cluster": {Group: "nodes", Examples: []string{
		"cluster --data /tmp/lockstep",
		"cluster --data /tmp/five --nodes 5 --base-port 7100 --base-http 8100",
	}},
	"node": {Group: "nodes", Examples: []string{
		"node --id 1 --peers 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 --data n1 --http 127.0.0.1:8001",
		"node --config node.yaml",
		"node --id 4 --join 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 --listen 127.0.0.1:7004 --data n4 --http 127.0.0.1:8004",
	}},
	"members":         {Group: "nodes", Examples: []string{"members list", "members add 4=127.0.0.1:7004", "members replace 2 4=127.0.0.1:7004"}},
	"members list":    {Examples: []string{"members list", "members list --json"}},
	"members add":     {Examples: []string{"members add 4=127.0.0.1:7004", "members add 4=db4.example:7001 --learner"}},
	"members remove":  {Examples: []string{"members remove 1"}},
	"members replace": {Examples: []string{"members replace 2 4=127.0.0.1:7004"}},
	"members promote": {Examples: []string{"members promote 4", "members promote 4 --replaces 2"}},
	"members move":    {Examples: []string{"members move 2=10.0.0.9:7001"}},
	"members abandon": {Examples: []string{"members abandon"}},
	"config":          {Group: "nodes", Examples: []string{"config check node.yaml", "config print --config node.yaml"}},
	"config check":    {Examples: []string{"config check node.yaml"}},
	"config print":    {Examples: []string{"config print --config node.yaml", "config print --config node.yaml --json"}},
	"inspect":         {Group: "nodes", Examples: []string{"inspect n1", "inspect /tmp/lockstep/node-1 --json"}},
}

var clientTopics = map[string]cli.Topic{
	"propose": {Group: "clients", Examples: []string{
		"propose lifecycle/web-1 Running",
		"propose lifecycle/web-1 Stopped --expect-version 1",
		"propose lifecycle/web-2 Running --operation my-id    # the same line again has no further effect",
	}},
	"get": {Group: "clients", Examples: []string{
		"get lifecycle/web-1",
		"get lifecycle/web-1 --local    # what one node knows",
	}},
	"list": {Group: "clients", Examples: []string{
		"list",
		"list lifecycle/web- --linearizable",
		"list --state Running --limit 20",
	}},
	"watch": {Group: "clients", Examples: []string{
		"watch lifecycle/web-1",
		"watch lifecycle/web-1 --from 1    # what came after version 1",
		"watch 'lifecycle/web-*' --json",
	}},
	"retire":      {Group: "clients", Examples: []string{"retire lifecycle/web-1"}},
	"define":      {Group: "clients", Examples: []string{"define lamp.yaml"}},
	"definitions": {Group: "clients", Examples: []string{"definitions", "definitions lifecycle >cycle.yaml"}},
	"bench": {Group: "clients", Examples: []string{
		"bench --clients 16 --for 10s",
		"bench --rate 5000 --for 10s --history h.jsonl",
	}},
}

var operationTopics = map[string]cli.Topic{
	"status": {Group: "operation", Examples: []string{
		"status",
		"status --endpoints 10.0.0.1:8001,10.0.0.2:8001,10.0.0.3:8001 --json",
	}},
	"backup":        {Group: "operation", Examples: []string{"backup -o monday.backup", "backup --data n1 --data n2 -o stopped.backup"}},
	"backup verify": {Examples: []string{"backup verify monday.backup"}},
	"backup show":   {Examples: []string{"backup show monday.backup"}},
	"restore": {Group: "operation", Examples: []string{
		"restore monday.backup --cluster prod-2 --id 1 --peers 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 --data n1",
	}},
	"certs":        {Group: "operation", Examples: []string{"certs ca --cluster prod", "certs node --id 1 --hosts db1.example,10.0.0.1", "certs client --name alice --role admin"}},
	"certs ca":     {Examples: []string{"certs ca --cluster prod"}},
	"certs node":   {Examples: []string{"certs node --id 1 --hosts db1.example,10.0.0.1"}},
	"certs client": {Examples: []string{"certs client --name alice --role admin"}},
	"token":        {Group: "operation", Examples: []string{"token writer web --tokens tokens >web.token"}},
}
