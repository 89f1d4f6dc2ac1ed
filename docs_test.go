package smooch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages returns the README, the guides and the policy for security by their file name.
func pages(t *testing.T) map[string]string {
	names, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	texts := map[string]string{}
	for _, name := range append(names, "README.md", "SECURITY.md") {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		texts[name] = string(text)
	}
	return texts
}

// TestCodeOfDocs: the Go code of the README and the guides is part of a program that is compiled,
// and of examples that are run.
func TestCodeOfDocs(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("example*_test.go")
	require.NoError(t, err)
	programs, err := filepath.Glob("examples/*/*.go")
	require.NoError(t, err)
	var code strings.Builder
	for _, name := range append(append(names, programs...), "cmd/smooch-sandbox/docs_test.go") {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		code.WriteString(squeeze(strings.ReplaceAll(string(source), `dir + "/photo.png"`, `"photo.png"`)) + "\n")
	}
	for name, text := range pages(t) {
		for i, block := range strings.Split(text, "```go\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if !strings.Contains(code.String(), squeeze(block)+"\n") {
				t.Errorf("no program has Go block %d of %s:\n%s", i+1, name, block)
			}
		}
	}
	require.Contains(t, pages(t)["README.md"], "```go\n")
}

// squeeze removes indentation and empty lines.
func squeeze(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	goName   = regexp.MustCompile(`^(?:smooch\w*\.)?([A-Z]\w*[a-z0-9]\w*(?:\.[A-Z]\w*)?)(?:$|\(|\{)`)
	fences   = regexp.MustCompile("(?s)```.*?```")
)

// otherNames are capitalized code spans that are not names of this module.
var otherNames = map[string]bool{"Date": true, "Authorization": true}

// TestNamesInDocs: what the README and the guides call by a Go name exists.
func TestNamesInDocs(t *testing.T) {
	t.Parallel()
	packages, err := filepath.Glob("smooch*") // smoochtest and the modules beside it, too
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	known := exported(t, append(packages, ".")...)
	found := 0
	for page, text := range pages(t) {
		for _, span := range codeSpan.FindAllString(fences.ReplaceAllString(text, ""), -1) {
			if m := goName.FindStringSubmatch(strings.Trim(span, "`")); m != nil && !otherNames[m[1]] {
				found++
				assert.True(t, known[m[1]], "%s: %s does not exist", page, span)
			}
		}
	}
	assert.Greater(t, found, 100)
}

// exported returns the exported names of packages, those of fields and methods as "Type.Name". A
// service has the name of its field in the client, such as "AppUsers.Get".
func exported(t *testing.T, dirs ...string) map[string]bool {
	names := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range file.Decls {
				addNames(names, decl)
			}
		}
	}
	return names
}

func addNames(names map[string]bool, decl ast.Decl) {
	if f, ok := decl.(*ast.FuncDecl); ok {
		name := f.Name.Name
		if f.Recv != nil {
			receiver := f.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if of, ok := receiver.(*ast.Ident); ok {
				names[of.Name+"."+name] = true
				names[strings.TrimSuffix(of.Name, "Service")+"."+name] = true
			}
		}
		names[name] = true // methods are also called by their name alone
		return
	}
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				names[name.Name] = true
			}
		case *ast.TypeSpec:
			names[spec.Name.Name] = true
			var members *ast.FieldList
			switch of := spec.Type.(type) {
			case *ast.StructType:
				members = of.Fields
			case *ast.InterfaceType:
				members = of.Methods
			}
			if members == nil {
				continue
			}
			for _, member := range members.List {
				for _, name := range member.Names {
					names[spec.Name.Name+"."+name.Name], names[name.Name] = true, true
				}
			}
		}
	}
}
