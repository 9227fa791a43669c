// Package docs has texts of this folder that programs show. Other modules should not import it: docs/API.md promises nothing of it.
package docs

import _ "embed"

// Glossary is GLOSSARY.md.
//
//go:embed GLOSSARY.md
var Glossary string
