package catalog

import "testing"

// Every view with a definition has its relation in the image, of that kind, and no other view is in it.
func TestSystemViews(t *testing.T) {
	img := testImage(t)
	class, err := img.rel(RelationRelation)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	var views []*PgClass
	for i := range class.rows {
		if r := ReadPgClass(class.row(i, nil)); r.Relkind == RelkindView {
			views = append(views, r)
			found++
		}
	}
	if want := len(systemViews) + len(informationViews); found != want {
		t.Errorf("%d views in the image, %d definitions", found, want)
	}
	for _, r := range views {
		if systemView(r.Relnamespace, r.Relname) == "" {
			t.Errorf("%s has no definition", r.Relname)
		}
	}
}
