package catalog

func (v *view) TypeByName(schema, name string) (*TypeDesc, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return nil, err
	}
	for _, s := range in {
		oid, err := ask(v, memoKey{kind: memoTypeName, a: s, s: name}, func() (uint32, error) {
			r, err := first(v.src, TypeNameIndex, ReadPgType, datumString(name), datumOID(s))
			if err != nil || r == nil {
				return 0, err
			}
			return r.OID, nil
		})
		if err != nil {
			return nil, err
		}
		if oid != 0 {
			return v.Type(oid)
		}
		v.absent(TypeRelation, s, name)
	}
	return nil, nil
}

func (v *view) Type(oid uint32) (*TypeDesc, error) {
	t, err := ask(v, memoKey{kind: memoType, a: oid}, func() (*TypeDesc, error) {
		r, err := first(v.src, TypeOIDIndex, ReadPgType, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return v.readType(r)
	})
	if err == nil && t != nil && oid >= FirstUserOID {
		v.depend(TypeRelation, oid, t.Version)
	}
	return t, err
}

func (v *view) readType(r *PgType) (*TypeDesc, error) {
	t := &TypeDesc{OID: r.OID, Name: r.Typname, Schema: r.Typnamespace, Owner: r.Typowner, Version: 1, Len: r.Typlen,
		ByVal: r.Typbyval, Type: r.Typtype, Category: r.Typcategory, Preferred: r.Typispreferred, Defined: r.Typisdefined,
		Delim: r.Typdelim, RelID: r.Typrelid, Subscript: r.Typsubscript, Elem: r.Typelem, Array: r.Typarray,
		Input: r.Typinput, Output: r.Typoutput, Receive: r.Typreceive, Send: r.Typsend, ModIn: r.Typmodin,
		ModOut: r.Typmodout, Align: r.Typalign, Storage: r.Typstorage, NotNull: r.Typnotnull, BaseType: r.Typbasetype,
		Typmod: r.Typtypmod, NDims: r.Typndims, Collation: r.Typcollation, DefaultExpr: r.Typdefaultbin}
	if r.Typdefault != nil {
		t.HasDefault, t.Default = true, *r.Typdefault
	}
	switch t.Type {
	case TyptypeEnum:
		labels, err := all(v.src, EnumSortIndex, ReadPgEnum, datumOID(t.OID))
		for _, l := range labels {
			t.Labels = append(t.Labels, EnumLabel{OID: l.OID, Order: l.Enumsortorder, Label: l.Enumlabel})
		}
		return t, err
	case TyptypeRange, TyptypeMultirange:
		index := uint32(RangeTypeIndex)
		if t.Type == TyptypeMultirange {
			index = RangeMultirangeIndex
		}
		g, err := first(v.src, index, ReadPgRange, datumOID(t.OID))
		if err != nil || g == nil {
			return t, err
		}
		t.Range = &Range{Type: g.Rngtypid, Subtype: g.Rngsubtype, Multirange: g.Rngmultitypid, Collation: g.Rngcollation,
			SubOpClass: g.Rngsubopc, Canonical: g.Rngcanonical, SubDiff: g.Rngsubdiff}
	}
	return t, nil
}

func (v *view) ProcsByName(schema, name string) ([]*Proc, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return nil, err
	}
	var out []*Proc
	for _, s := range in {
		procs, err := ask(v, memoKey{kind: memoProcName, a: s, s: name}, func() ([]*Proc, error) {
			rows, err := all(v.src, ProcNameIndex, ReadPgProc, datumString(name))
			if err != nil {
				return nil, err
			}
			var found []*Proc
			for _, r := range rows {
				if r.Pronamespace != s {
					continue
				}
				p, err := v.Proc(r.OID)
				if err != nil {
					return nil, err
				}
				found = append(found, p)
			}
			return found, nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, procs...)
	}
	return out, nil
}

func (v *view) Proc(oid uint32) (*Proc, error) {
	return ask(v, memoKey{kind: memoProc, a: oid}, func() (*Proc, error) {
		r, err := first(v.src, ProcOIDIndex, ReadPgProc, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		p := &Proc{OID: r.OID, Name: r.Proname, Schema: r.Pronamespace, Owner: r.Proowner, Lang: r.Prolang, Version: 1,
			Cost: float64(r.Procost), Rows: float64(r.Prorows), Variadic: r.Provariadic, Support: r.Prosupport,
			Kind: r.Prokind, SecDef: r.Prosecdef, Leakproof: r.Proleakproof, Strict: r.Proisstrict, RetSet: r.Proretset,
			Volatile: r.Provolatile, Parallel: r.Proparallel, NumDefaults: int(r.Pronargdefaults), RetType: r.Prorettype,
			ArgTypes: r.Proargtypes, AllArgTypes: r.Proallargtypes, ArgModes: r.Proargmodes, ArgNames: r.Proargnames,
			Src: r.Prosrc, ACL: r.Proacl}
		if p.NumDefaults > 0 {
			p.ArgDefaultTexts = defaultTexts(r)
		}
		if p.Kind == ProkindAggregate {
			p.Agg, err = v.readAggregate(oid)
		}
		return p, err
	})
}

func (v *view) readAggregate(oid uint32) (*Aggregate, error) {
	r, err := first(v.src, AggregateOIDIndex, ReadPgAggregate, datumOID(oid))
	if err != nil || r == nil {
		return nil, err
	}
	a := &Aggregate{Kind: r.Aggkind, NumDirectArgs: int(r.Aggnumdirectargs), TransFn: r.Aggtransfn, FinalFn: r.Aggfinalfn,
		CombineFn: r.Aggcombinefn, SerialFn: r.Aggserialfn, DeserialFn: r.Aggdeserialfn, MTransFn: r.Aggmtransfn,
		MInvTransFn: r.Aggminvtransfn, MFinalFn: r.Aggmfinalfn, FinalExtra: r.Aggfinalextra, MFinalExtra: r.Aggmfinalextra,
		FinalModify: r.Aggfinalmodify, MFinalModify: r.Aggmfinalmodify, SortOp: r.Aggsortop, TransType: r.Aggtranstype,
		MTransType: r.Aggmtranstype}
	if r.Agginitval != nil {
		a.InitVal, a.HasInitVal = *r.Agginitval, true
	}
	return a, nil
}

// ProcNotYet implements View: the image's file has the name, but no function
// of it works here.
func (v *view) ProcNotYet(name string) bool { return v.src.img.procNotYet(name) }

func readOperator(r *PgOperator) *Operator {
	return &Operator{OID: r.OID, Name: r.Oprname, Schema: r.Oprnamespace, Owner: r.Oprowner, Kind: r.Oprkind,
		CanMerge: r.Oprcanmerge, CanHash: r.Oprcanhash, Left: r.Oprleft, Right: r.Oprright, Result: r.Oprresult,
		Commutator: r.Oprcom, Negator: r.Oprnegate, Code: r.Oprcode, Rest: r.Oprrest, Join: r.Oprjoin, Version: 1}
}

func (v *view) OperatorsByName(schema, name string) ([]*Operator, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return nil, err
	}
	var out []*Operator
	for _, s := range in {
		ops, err := ask(v, memoKey{kind: memoOperatorName, a: s, s: name}, func() ([]*Operator, error) {
			rows, err := all(v.src, OperatorNameIndex, ReadPgOperator, datumString(name))
			var found []*Operator
			for _, r := range rows {
				if r.Oprnamespace == s {
					found = append(found, readOperator(r))
				}
			}
			return found, err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, ops...)
	}
	return out, nil
}

func (v *view) Operator(oid uint32) (*Operator, error) {
	return ask(v, memoKey{kind: memoOperator, a: oid}, func() (*Operator, error) {
		r, err := first(v.src, OperatorOIDIndex, ReadPgOperator, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return readOperator(r), nil
	})
}

func (v *view) Cast(source, target uint32) (*Cast, error) {
	return ask(v, memoKey{kind: memoCast, a: source, b: target}, func() (*Cast, error) {
		r, err := first(v.src, CastSourceTargetIndex, ReadPgCast, datumOID(source), datumOID(target))
		if err != nil || r == nil {
			return nil, err
		}
		return &Cast{OID: r.OID, Source: r.Castsource, Target: r.Casttarget, Func: r.Castfunc, Context: r.Castcontext,
			Method: r.Castmethod}, nil
	})
}

func readCollation(r *PgCollation) *Collation {
	c := &Collation{OID: r.OID, Name: r.Collname, Schema: r.Collnamespace, Provider: r.Collprovider,
		Deterministic: r.Collisdeterministic, Encoding: r.Collencoding}
	if r.Collcollate != nil {
		c.Collate = *r.Collcollate
	}
	if r.Collctype != nil {
		c.Ctype = *r.Collctype
	}
	return c
}

// utf8Encoding is PostgreSQL's number of the only encoding there is; -1 in
// pg_collation fits every encoding.
const utf8Encoding = 6

func (v *view) CollationByName(schema, name string) (*Collation, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return nil, err
	}
	for _, s := range in {
		c, err := ask(v, memoKey{kind: memoCollationName, a: s, s: name}, func() (*Collation, error) {
			rows, err := all(v.src, CollationNameIndex, ReadPgCollation, datumString(name))
			for _, r := range rows {
				if r.Collnamespace == s && (r.Collencoding == -1 || r.Collencoding == utf8Encoding) {
					return readCollation(r), err
				}
			}
			return nil, err
		})
		if err != nil || c != nil {
			return c, err
		}
	}
	return nil, nil
}

func (v *view) Collation(oid uint32) (*Collation, error) {
	return ask(v, memoKey{kind: memoCollation, a: oid}, func() (*Collation, error) {
		r, err := first(v.src, CollationOIDIndex, ReadPgCollation, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return readCollation(r), nil
	})
}
