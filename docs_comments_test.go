package smooch_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// packages returns the directories of the packages that users import.
func packages(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("smooch*/go.mod")
	require.NoError(t, err)
	all := []string{".", "smoochtest"}
	for _, name := range dirs {
		all = append(all, filepath.Dir(name))
	}
	return all
}

// parse returns the files of a package that match a pattern.
func parse(t *testing.T, dir, pattern string, tests bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") == tests {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	return files
}

// TestConstantsHaveRemarks: every exported constant and variable has a remark. One that is spelled
// like its value may do without if the comment of its group says what the others are.
func TestConstantsHaveRemarks(t *testing.T) {
	t.Parallel()
	found := 0
	for _, dir := range packages(t) {
		for _, file := range parse(t, dir, "*.go", false) {
			for _, decl := range file.Decls {
				group, ok := decl.(*ast.GenDecl)
				if !ok || group.Tok != token.CONST && group.Tok != token.VAR {
					continue
				}
				for _, spec := range group.Specs {
					spec := spec.(*ast.ValueSpec)
					alone := !group.Lparen.IsValid() && group.Doc != nil
					for _, name := range spec.Names {
						if !name.IsExported() {
							continue
						}
						found++
						explained := alone || spec.Doc != nil || spec.Comment != nil ||
							strings.Contains(group.Doc.Text(), "without a remark") && spelledLikeValue(name.Name, spec)
						assert.True(t, explained, "%s: %s has no remark", dir, name.Name)
					}
				}
			}
		}
	}
	assert.Greater(t, found, 100)
}

var docLink = regexp.MustCompile(`\[\*?([A-Z]\w*(?:\.[A-Z]\w*)?)\]`)

// TestLinksInComments: what a comment links by name exists; a link that does not is shown as text.
func TestLinksInComments(t *testing.T) {
	t.Parallel()
	for _, dir := range packages(t) {
		known, found := exported(t, dir), 0
		for _, file := range parse(t, dir, "*.go", false) {
			for _, group := range file.Comments {
				for _, link := range docLink.FindAllStringSubmatch(group.Text(), -1) {
					found++
					assert.True(t, known[link[1]], "%s: %s", dir, link[0])
				}
			}
		}
		assert.Positive(t, found, dir)
	}
}

// spelledLikeValue reports whether a constant is its type's name and its value, as
// IntegrationTypeViber is "viber".
func spelledLikeValue(name string, spec *ast.ValueSpec) bool {
	kind, _ := spec.Type.(*ast.Ident)
	if kind == nil || len(spec.Values) != 1 {
		return false
	}
	value, _ := spec.Values[0].(*ast.BasicLit)
	return value != nil && strings.EqualFold(strings.Trim(value.Value, `"`), strings.TrimPrefix(name, kind.Name))
}

// TestCommentsSayWhatTheServiceAnswers: the fake service has none of the objects that the calls of
// wires name. What it answers is an error that the comment of the method links.
func TestCommentsSayWhatTheServiceAnswers(t *testing.T) {
	t.Parallel()
	server := smoochtest.NewServer()
	t.Cleanup(server.Close)
	errorsByName := map[string]error{
		"ErrBadRequest": smooch.ErrBadRequest, "ErrUnauthorized": smooch.ErrUnauthorized, "ErrForbidden": smooch.ErrForbidden,
		"ErrNotFound": smooch.ErrNotFound, "ErrConflict": smooch.ErrConflict, "ErrTooLarge": smooch.ErrTooLarge,
	}
	refused := 0
	for _, c := range smooch.CommentedCalls(t) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := c.Call(ctx, server.Client(smooch.WithVersion(c.Version)))
		cancel()
		if _, isAnswer := errors.AsType[*smooch.Error](err); !isAnswer {
			continue
		}
		refused++
		linked := false
		for _, link := range docLink.FindAllStringSubmatch(c.Comment, -1) {
			linked = linked || errorsByName[link[1]] != nil && errors.Is(err, errorsByName[link[1]])
		}
		assert.True(t, linked, "the comment of %s does not link: %v", c.Name, err)
	}
	assert.Greater(t, refused, 50)
}

// concepts are what needs an example besides the services and the interfaces: a type, a function or
// a method, as its example is named.
var concepts = map[string][]string{
	".": {
		// clients and calls
		"NewClient", "Client_ForApp", "Client_ForVersion", "Client_Do", "RetryPolicy", "Response", "WithField", "WithLogger", "Hook", "DeliveryHook",
		// errors
		"Error", "Error_outcomeUnknown", "Error_rateLimited", "ErrorCode", "DecodeError",
		// sends
		"WithSendToken", "WithSentSince", "MessagePost", "MessageItem", "FormField", "Action", "LinkShorthand", "Upload",
		// receiving
		"WebhookReceiver", "WebhookReceiver_AddSecret", "WebhookReceiver_Process", "WithSecretLookup", "WithBackground",
		"Handle", "ParseEvent", "EventKey", "Permanent", "UpgradeTriggers", "DeliveryReason", "WebhooksService_Ensure",
		// tokens
		"JWTSigner", "VerifyJWT", "Key",
	},
	"smoochtest":  {"Server", "Server_Fail", "Server_Emit", "Server_Advance", "Server_Redeliver", "Server_Requests", "Person", "TestDeduper", "WithRateLimit"},
	"smoochnats":  {"NewQueue", "NewDeduper"},
	"smoochredis": {"NewDeduper", "NewLimiter"},
}

// TestEachServiceHasAnExample: a service has an example of a method, an interface one of its own,
// and so has each concept.
func TestEachServiceHasAnExample(t *testing.T) {
	t.Parallel()
	for _, dir := range packages(t) {
		examples := map[string]bool{}
		for _, file := range parse(t, dir, "example*_test.go", true) {
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok {
					if name, isExample := strings.CutPrefix(f.Name.Name, "Example"); isExample {
						examples[name] = true
					}
				}
			}
		}
		has := func(name string) bool {
			return slices.ContainsFunc(slices.Collect(maps.Keys(examples)), func(example string) bool {
				return example == name || strings.HasPrefix(example, name+"_")
			})
		}
		for _, name := range append(slices.Clone(concepts[dir]), ownTypes(t, dir)...) {
			assert.True(t, has(name), "%s: no Example%s", dir, name)
		}
	}
}

// ownTypes returns the names of the services and the exported interfaces of a package.
func ownTypes(t *testing.T, dir string) []string {
	var names []string
	for _, file := range parse(t, dir, "*.go", false) {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.TYPE {
				continue
			}
			for _, spec := range group.Specs {
				spec := spec.(*ast.TypeSpec)
				_, isInterface := spec.Type.(*ast.InterfaceType)
				if spec.Name.IsExported() && (isInterface || strings.HasSuffix(spec.Name.Name, "Service")) {
					names = append(names, spec.Name.Name)
				}
			}
		}
	}
	return names
}
