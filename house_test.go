package smooch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMethodsStandInOneFile: whoever finds a type finds its methods.
func TestMethodsStandInOneFile(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{
		".", "internal/chart", "internal/fastjson", "internal/keyqueue", "internal/lenient", "internal/pace",
		"smoochnats", "smoochredis",
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		home := map[string]string{}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Recv == nil {
					continue
				}
				receiver := receiverName(f.Recv.List[0].Type)
				if home[receiver] == "" {
					home[receiver] = name
				}
				assert.Equal(t, home[receiver], name, "%s.%s", receiver, f.Name.Name)
			}
		}
	}
}

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// TestFilesAreSmall: a file that grows beyond 500 lines is split by subject.
func TestFilesAreSmall(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		assert.LessOrEqual(t, strings.Count(string(data), "\n"), 500, path)
		return err
	})
	require.NoError(t, err)
}

// TestDependencies: whoever needs the client only does not get those of the nested modules.
func TestDependencies(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var direct []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 2 && strings.Contains(fields[0], "/") {
			direct = append(direct, fields[0])
		}
	}
	assert.Equal(t, []string{
		"github.com/golang-jwt/jwt/v5", "github.com/google/go-querystring", "github.com/hashicorp/go-retryablehttp", "github.com/stretchr/testify",
	}, direct)
}
