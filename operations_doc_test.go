package smooch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// method is an exported method and the rows of the operation table that its body names.
type method struct {
	name string // as "AppUsers.Get"
	doc  string
	rows []string // as "opAppUsersGet"
	uses []string // other names in its body
}

// methods returns the methods of the client and its services.
func methods(t *testing.T) []method {
	t.Helper()
	found, err := readMethods()
	require.NoError(t, err)
	return found
}

// readMethods reads the source, once for all tests.
var readMethods = sync.OnceValues(func() ([]method, error) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		return nil, err
	}
	var found []method
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}
			receiver, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			of := receiver.X.(*ast.Ident).Name
			if stem, isService := strings.CutSuffix(of, "Service"); isService {
				found = append(found, newMethod(stem+"."+f.Name.Name, f))
			} else if of == "Client" {
				found = append(found, newMethod(f.Name.Name, f))
			}
		}
	}
	return found, nil
})

var rowName = regexp.MustCompile(`^op[A-Z]`)

func newMethod(name string, f *ast.FuncDecl) method {
	m := method{name: name, doc: f.Doc.Text()}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && rowName.MatchString(id.Name) {
			m.rows = append(m.rows, id.Name)
		} else if ok {
			m.uses = append(m.uses, id.Name)
		}
		return true
	})
	return m
}

// rowNames returns the names of the rows in the order of the operation table.
func rowNames(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("operations.go")
	require.NoError(t, err)
	var names []string
	for i, m := range regexp.MustCompile(`(?m)^\t(op[A-Z]\w*)\s+= &operation\{"(.+?)"`).FindAllStringSubmatch(string(source), -1) {
		require.Equal(t, operations[i].name, m[2])
		names = append(names, m[1])
	}
	require.Len(t, names, len(operations))
	return names
}

var documentedPath = regexp.MustCompile(`(?m)^\s+((?:GET|POST|PUT|DELETE) /\S*)$`)

// documented returns the calls in a method's comment, such as "GET /apps/{appId}".
func (m method) documented() []string {
	var paths []string
	for _, match := range documentedPath.FindAllStringSubmatch(m.doc, -1) {
		paths = append(paths, match[1])
	}
	return paths
}

// callsAnother reports whether a method reaches its row through another method.
func (m method) callsAnother() bool { return len(m.rows) == 0 && len(m.documented()) > 0 }

// isCall reports whether a method makes a call of the API.
func (m method) isCall() bool { return len(m.rows) > 0 || m.callsAnother() }

// TestEachRowHasItsMethod: no row is without a method, and the comment of each method has the paths
// of its rows and no other.
func TestEachRowHasItsMethod(t *testing.T) {
	t.Parallel()
	rows := rowNames(t)
	used := map[string]bool{}
	for _, m := range methods(t) {
		var paths []string
		for _, row := range m.rows {
			used[row] = true
			paths = append(paths, operations[slices.Index(rows, row)].String())
		}
		if m.callsAnother() {
			continue
		}
		slices.Sort(paths)
		assert.ElementsMatch(t, slices.Compact(paths), m.documented(), "the comment of %s", m.name)
	}
	for _, row := range rows {
		assert.True(t, used[row], "%s has no method", row)
	}
}

// rowsAndFacts returns the rows of the table by path, and what the list says about each by name.
func rowsAndFacts(t *testing.T) (byPath map[string]*operation, facts map[string]endpoint) {
	t.Helper()
	byPath, facts = map[string]*operation{}, map[string]endpoint{}
	for _, op := range operations {
		byPath[op.String()] = op
	}
	for _, e := range readEndpoints(t) {
		facts[e.ID] = e
	}
	return byPath, facts
}

// TestCommentsSayWhatTheRowsSay: Scope and Versions are those of the row, Source that of the list.
func TestCommentsSayWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	byPath, facts := rowsAndFacts(t)
	line := regexp.MustCompile(`Scope: (.+)\. Versions: (.+)\. Source: (.+?)\.?$`)
	for _, m := range methods(t) {
		if !m.isCall() {
			continue
		}
		match := line.FindStringSubmatch(strings.Join(strings.Fields(m.doc), " "))
		if !assert.NotNil(t, match, "%s does not end with Scope, Versions and Source", m.name) {
			continue
		}
		var versions, unverified []Version
		source := ""
		for _, path := range m.documented() {
			op := byPath[path]
			if !assert.NotNil(t, op, "%s documents %s", m.name, path) {
				continue
			}
			assert.Equal(t, scopeText(op), match[1], "the scope of %s", m.name)
			versions = append(versions, op.versions.list()...)
			unverified = append(unverified, facts[op.name].VersionsUnverified...)
			source = facts[op.name].Source // of the last path, which is that of v1.1
		}
		assert.Equal(t, source, match[3], "the source of %s", m.name)
		assert.Equal(t, versionText(versions, unverified), match[2], "the versions of %s", m.name)
	}
}

// TestCommentsSayWhichErrors: a comment links the errors that its call in particular can meet. They
// follow from the statuses that the documents list, from ids in the path, from what a repeat may
// do, and from what the method refuses. A comment for which nothing follows links one, too.
func TestCommentsSayWhichErrors(t *testing.T) {
	t.Parallel()
	byPath, facts := rowsAndFacts(t)
	byStatus := map[int]string{
		400: "ErrBadRequest", 402: "ErrPaymentRequired", 403: "ErrForbidden", 404: "ErrNotFound", 409: "ErrConflict",
		413: "ErrTooLarge", 415: "CodeUnsupportedMediaType", 429: "ErrRateLimited",
	}
	linked := regexp.MustCompile(`\[(?:Err|Code)[A-Z]\w+\]`)
	for _, m := range methods(t) {
		if !m.isCall() {
			continue
		}
		assert.Regexp(t, linked, m.doc, "%s links no error", m.name)
		want := map[string]string{}
		for _, path := range m.documented() {
			op := byPath[path]
			for _, status := range facts[op.name].Errors {
				want[byStatus[status]] = "the documents list it"
			}
			if strings.Contains(path, "{") {
				want["ErrNotFound"] = "the path has an id"
			}
			if op.repeat < idempotent {
				want["ErrOutcomeUnknown"] = "a repeat may do the work twice"
			}
		}
		if slices.ContainsFunc(m.uses, func(name string) bool {
			return name == "refuse" || name == "argumentError" || name == "bearerToken" || name == "upload"
		}) {
			want["ErrInvalidArgument"] = "the method refuses arguments"
		}
		if slices.Contains(m.uses, "unsupported") {
			want["ErrUnsupportedVersion"] = "the method refuses a version"
		}
		for name, why := range want {
			assert.Contains(t, m.doc, "["+name+"]", "%s: %s", m.name, why)
		}
	}
}

// scopeText returns the scopes of a call as comments write them.
func scopeText(op *operation) string {
	words := map[Scope]string{ScopeAppToken: "app token", ScopeIntegration: "integration (an OAuth access token)", "mediaToken": "media token"}
	if strings.Contains(op.path, "{userId}") {
		words[ScopeAppUser] = "appUser (its own user)"
	}
	var texts []string
	for _, scope := range op.accepts.scopes {
		if word, ok := words[scope]; ok {
			texts = append(texts, word)
		} else {
			texts = append(texts, string(scope))
		}
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

// versionText returns the versions that have a call as comments write them.
func versionText(versions, unverified []Version) string {
	var had, rest []string
	for _, v := range []Version{V1, V1_1} {
		switch {
		case slices.Contains(unverified, v):
			rest = append(rest, string(v)+" not verified")
		case slices.Contains(versions, v):
			had = append(had, string(v))
		}
	}
	if len(had) == 0 {
		return "none in the path"
	}
	return strings.Join(append([]string{strings.Join(had, ", ")}, rest...), "; ")
}

// TestReplacementsExist: what replaces a call is a method of a version that lacks the call.
func TestReplacementsExist(t *testing.T) {
	t.Parallel()
	rows := rowNames(t)
	for _, op := range operations {
		if op.instead == "" {
			continue
		}
		i := slices.IndexFunc(methods(t), func(m method) bool { return m.name == op.instead })
		if assert.GreaterOrEqual(t, i, 0, "%s: no method %s", op, op.instead) {
			by := operations[slices.Index(rows, methods(t)[i].rows[0])]
			assert.Greater(t, len(by.versions.list()), len(op.versions.list()), "%s", op.instead)
		}
	}
}

// TestEachMethodIsOnTheWire: no test checks the request of a method that is not in wires.
func TestEachMethodIsOnTheWire(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, w := range wires {
		name, _, _ := strings.Cut(w.name, " ")
		seen[name] = true
	}
	for _, m := range methods(t) {
		assert.True(t, seen[m.name] || !m.isCall(), "%s is not in wires", m.name)
		delete(seen, m.name)
	}
	assert.Empty(t, seen, "not methods")
}

// TestAPITable compares API.md with the operation table.
func TestAPITable(t *testing.T) {
	t.Parallel()
	rows := rowNames(t)
	calls := map[string]string{}
	for _, m := range methods(t) {
		for _, row := range m.rows {
			if calls[row] == "" || !strings.HasSuffix(m.name, ".All") && strings.HasSuffix(calls[row], ".All") {
				calls[row] = m.name
			}
		}
	}
	var b strings.Builder
	b.WriteString(apiHead)
	repeats := map[repeatClass]string{
		safe: "yes, reads only", idempotent: "yes, the same state", removing: "yes, 404 is done", unlinking: "yes, 400 and 404 are done",
		traceable: "with a send token", unsafe: "no",
	}
	for i, row := range rows {
		op := operations[i]
		versions := make([]string, len(op.versions.list()))
		for j, v := range op.versions.list() {
			versions[j] = string(v)
		}
		scopes := make([]string, len(op.accepts.scopes))
		for j, s := range op.accepts.scopes {
			scopes[j] = string(s)
		}
		path := op.path
		if op.inApp {
			path = "[/apps/{appId}]" + path
		}
		fmt.Fprintf(&b, "| %s `%s` | `%s` | `%s` | %s | %s | %s | %s |\n", op.method, path, calls[row], op.name, strings.Join(versions, ", "),
			strings.Join(scopes, ", "), strings.Join(op.accepts.keys, ", "), repeats[op.repeat])
	}
	checkWritten(t, "API.md", b.String())
}

// checkWritten compares a file with what it should contain. With SMOOCH_WRITE_API set it writes the
// file first.
func checkWritten(t *testing.T, name, text string) {
	t.Helper()
	if os.Getenv("SMOOCH_WRITE_API") != "" {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	written, err := os.ReadFile(name)
	require.NoError(t, err)
	want, got := strings.Split(text, "\n"), strings.Split(string(written), "\n")
	for i, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s:%d should not be there:\n%s", name, i+1, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s lacks:\n%s", name, line)
		}
	}
	if !t.Failed() && !slices.Equal(want, got) {
		t.Errorf("%s has its lines in another order, or some twice", name)
	}
	if t.Failed() {
		t.Log("make api writes the file anew")
	}
}

// apiHead is what stands before the rows of API.md.
const apiHead = `# Every call of the API

One line for each call: its path, the method that makes it, the name of its operation (in what a
Hook is told), the versions that have it, the scopes and the owners of keys (for Basic, v1.1) that it
accepts, and whether it can be repeated when the outcome of the first attempt is unknown. On v1
PostMessage and UploadImage take the paths under conversation for plain texts and images, else, as on
v1.1, the others. The file is made from the operation table by "make api".

| call | method | operation | versions | scopes | keys | repeatable |
|---|---|---|---|---|---|---|
`
