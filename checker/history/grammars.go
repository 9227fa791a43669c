package history

// Grammars returns the grammars of the models that are known here.
func Grammars() (all []Grammar) {
	for _, m := range []Model{
		ModelMachine, ModelRegister, ModelCASRegister, ModelKV, ModelLock, ModelCounter, ModelQueue, ModelSet, ModelAppendList,
		ModelMultiRegister, ModelBank,
	} {
		g, known := GrammarOf(m)
		if !known {
			panic("history: no grammar of model " + string(m))
		}
		all = append(all, g)
	}
	return all
}

// GrammarOf returns the grammar of a model that is known here. The empty Model
// is ModelMachine.
func GrammarOf(m Model) (g Grammar, known bool) {
	switch m {
	case ModelMachine, "":
		return machineGrammar(), true
	case ModelRegister:
		return registerGrammar(m, "one register, which holds a value", writeForm(), readForm("the value held")), true
	case ModelCASRegister:
		return registerGrammar(m, "one register with compare and set", writeForm(), casForm(), readForm("the value held")), true
	case ModelKV:
		return kvGrammar(), true
	case ModelLock:
		return lockGrammar(), true
	case ModelCounter:
		return counterGrammar(), true
	case ModelQueue:
		return queueGrammar(), true
	case ModelSet:
		return setGrammar(), true
	case ModelAppendList:
		return appendListGrammar(), true
	case ModelMultiRegister:
		return multiRegisterGrammar(), true
	case ModelBank:
		return bankGrammar(), true
	}
	return Grammar{Name: m}, false
}

func machineGrammar() Grammar {
	return Grammar{
		Name: ModelMachine, About: "state machines of the definitions in the header", Named: true, Versions: true,
		Kinds: []KindForm{
			{
				Kind: KindPropose, About: "takes the step to a state", Argument: Field{Text, "the state requested"}, Result: Field{Text, "the state after it"},
				Illegal: "the step was illegal from the state that the machine was in",
			},
			readForm("the state"),
		},
	}
}

func registerGrammar(name Model, about string, kinds ...KindForm) Grammar {
	return Grammar{Name: name, About: about, Single: true, Versions: true, Initial: valueBefore, Kinds: kinds}
}

// valueBefore is the value of a register before its first write.
var valueBefore = Field{Text, "the value before the first write"}

func kvGrammar() Grammar {
	return Grammar{
		Name: ModelKV, About: "a register for each key", Named: true, Versions: true, Initial: valueBefore,
		Kinds: []KindForm{
			writeForm(), casForm(),
			{
				Kind: KindAppend, About: "adds a text to the end of the value; to a register never written, writes it",
				Argument: Field{Text, "the text added"}, Result: Field{Text, "the value after it"},
			},
			{Kind: KindDelete, About: "makes the register one that was never written"},
			readForm("the value held"),
		},
	}
}

func lockGrammar() Grammar {
	return Grammar{
		Name: ModelLock, About: "a lock that one client at a time holds, and not twice",
		Kinds: []KindForm{
			{Kind: KindAcquire, About: "the client takes the lock, which was free", Illegal: "a client held the lock, this one or another"},
			{Kind: KindRelease, About: "the client gives the lock back, which it held", Illegal: "the client did not hold the lock"},
		},
	}
}

func counterGrammar() Grammar {
	return Grammar{
		Name: ModelCounter, About: "a whole number of 64 bits, at first 0", Initial: Field{Integer, "the number before the first operation"},
		Kinds: []KindForm{
			{Kind: KindAdd, About: "adds a number, which may be negative", Argument: Field{Integer, "the number added"}, Result: Field{Integer, "the sum"}},
			{Kind: KindRead, About: "asks for the number", Result: Field{Integer, "the number"}, Answers: true, ReadOnly: true},
		},
	}
}

func queueGrammar() Grammar {
	return Grammar{
		Name: ModelQueue, About: "a queue, first in, first out", Initial: Field{List, "the items before the first operation"},
		Kinds: []KindForm{
			{Kind: KindEnqueue, About: "adds an item to the end", Argument: Field{Text, "the item"}},
			{Kind: KindDequeue, About: "takes the first item", Result: Field{Text, "the item"}, Answers: true, Illegal: "the queue was empty"},
		},
	}
}

func setGrammar() Grammar {
	changed := Field{Boolean, "whether that changed the set"}
	return Grammar{
		Name: ModelSet, About: "a set of elements", Initial: Field{List, "the elements before the first operation"},
		Kinds: []KindForm{
			{Kind: KindAdd, About: "the set has the element from now on", Argument: Field{Element, "the element"}, Result: changed},
			{Kind: KindRemove, About: "the set does not have the element from now on", Argument: Field{Element, "the element"}, Result: changed},
			{
				Kind: KindContains, About: "asks whether the set has the element", Argument: Field{Element, "the element"},
				Result: Field{Boolean, "whether the set has it"}, Answers: true, ReadOnly: true,
			},
			{Kind: KindRead, About: "asks for all elements", Result: Field{List, "the elements, in any order"}, Answers: true, ReadOnly: true},
		},
	}
}

func appendListGrammar() Grammar {
	return Grammar{
		Name: ModelAppendList, About: "a list that only grows", Initial: Field{List, "the list before the first operation"},
		Kinds: []KindForm{
			{Kind: KindAppend, About: "adds an element to the end", Argument: Field{Element, "the element"}, Result: Field{List, "the list after it"}},
			{Kind: KindRead, About: "asks for the list", Result: Field{List, "the list"}, Answers: true, ReadOnly: true},
		},
	}
}

func multiRegisterGrammar() Grammar {
	return Grammar{
		Name: ModelMultiRegister, About: "registers that transactions read and write together", Single: true, Initial: Field{Map, "the value of each register before the first transaction"},
		Kinds: []KindForm{{
			Kind: KindTxn, About: "reads and writes registers in one step", Argument: Field{MicroOps, "the transaction"},
			Result: Field{MicroOps, "the transaction with the values that its reads found"},
		}},
	}
}

func bankGrammar() Grammar {
	return Grammar{
		Name: ModelBank, About: "accounts, none ever below 0", Single: true, Initial: Field{Balances, "the balance of each account, as in {a 50 b 50}"}, Given: true,
		Kinds: []KindForm{
			{
				Kind: KindTransfer, About: "moves money from one account to another", Argument: Field{Payment, "the transfer"},
				Illegal: "the account had less than the amount",
			},
			{Kind: KindRead, About: "asks for all balances", Result: Field{Map, "the balance of each account"}, Answers: true, ReadOnly: true},
		},
	}
}

func writeForm() KindForm {
	return KindForm{Kind: KindWrite, About: "gives the register a value", Argument: Field{Text, "the value written"}, Result: Field{Text, "the value after it"}}
}

func casForm() KindForm {
	return KindForm{
		Kind: KindCAS, About: "gives the register a value if it holds the one expected", Argument: Field{Text, "the value written"},
		Expected: Field{Text, `the value expected, "nil" of a register that was never written`}, Result: Field{Text, "the value after it"},
		Illegal: "the register did not hold the value expected",
	}
}

func readForm(result string) KindForm {
	return KindForm{Kind: KindRead, About: "asks for " + result, Result: Field{Text, result}, Answers: true, ReadOnly: true}
}

// modelNames lists the models of some grammars.
func modelNames(grammars []Grammar) string {
	var names []string
	for _, g := range grammars {
		names = append(names, string(g.Name))
	}
	return joinAnd(names)
}
