package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// checkDocs returns every exported name of the package in a folder that has no doc comment, and the package itself if
// none of its files has one. A group of constants or variables may have one comment for all, and so may fields and
// methods that follow each other with no empty line between them.
func checkDocs(root, pkg string) error {
	dir := filepath.Join(root, filepath.FromSlash(pkg))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	d := docs{files: token.NewFileSet()}
	documented := false
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(d.files, pkg+"/"+name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		documented = documented || file.Doc != nil
		for _, decl := range file.Decls {
			d.decl(decl)
		}
	}
	if !documented {
		d.errs = append(d.errs, fmt.Errorf("package %s has no doc comment", pkg))
	}
	return errors.Join(d.errs...)
}

// docs collects what has no doc comment.
type docs struct {
	files *token.FileSet
	errs  []error
}

func (d *docs) missing(at token.Pos, name string) {
	d.errs = append(d.errs, fmt.Errorf("%s: %s has no doc comment", d.files.Position(at), name))
}

func (d *docs) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		receiver, exported := receiver(decl)
		if exported && decl.Name.IsExported() && decl.Doc == nil {
			d.missing(decl.Pos(), receiver+decl.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			d.spec(decl, spec)
		}
	}
}

// receiver returns "T." for a method of T, and whether others can see its methods.
func receiver(decl *ast.FuncDecl) (string, bool) {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return "", true
	}
	expr := decl.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name + ".", e.IsExported()
		default:
			return "", false
		}
	}
}

func (d *docs) spec(decl *ast.GenDecl, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
			d.missing(spec.Pos(), spec.Name.Name)
		}
		switch t := spec.Type.(type) {
		case *ast.StructType:
			d.fields(spec.Name.Name, t.Fields)
		case *ast.InterfaceType:
			d.fields(spec.Name.Name, t.Methods)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				d.missing(name.Pos(), name.Name)
			}
		}
	}
}

// hasHelp reports whether a field of a configuration says in its tag what it is.
func hasHelp(field *ast.Field) bool {
	return field.Tag != nil && reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("help") != ""
}

// fields checks the fields of a struct or the methods of an interface. What is embedded is documented where it is
// declared.
func (d *docs) fields(owner string, list *ast.FieldList) {
	last := -1 // line on which the last documented field ends
	for _, field := range list.List {
		line := d.files.Position(field.Pos()).Line
		documented := field.Doc != nil || field.Comment != nil || line == last+1 || hasHelp(field)
		if documented {
			last = d.files.Position(field.End()).Line
			continue
		}
		for _, name := range field.Names {
			if name.IsExported() {
				d.missing(name.Pos(), owner+"."+name.Name)
			}
		}
	}
}
