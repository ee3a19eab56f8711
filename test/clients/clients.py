"""What the clients of Python do with a node: python.py rdflib|sparqlwrapper URL. Each step that went well is a line of the output."""
import sys

NUMBER = 20_000
TEXT = 'Grüße "👋"\n東京 \\ \t\u00e9'


def step(name, good, found=None):
    if not good:
        sys.exit(f'{name}: found {found!r}')
    print(name, flush=True)


def refused(name, call, kind):
    """An error that the server reports must arrive as one, with what it said."""
    try:
        call()
    except kind as e:
        text = repr(e) + repr(e.__context__)
        return step(name, '400' in text or 'QueryBadFormed' in text, text)
    step(name, False, 'no error')


def rdflib_client(url):
    from urllib.error import HTTPError
    from rdflib import BNode, Graph, Literal, URIRef
    from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore
    name = URIRef('http://rdflib.example/graph')
    e = lambda local: URIRef('http://rdflib.example/' + local)
    store = SPARQLUpdateStore(url + '/sparql', url + '/sparql', autocommit=False, dirty_reads=True)
    g = Graph(store, identifier=name)
    hello = [Literal(TEXT), Literal('Grüß Gott', lang='de-AT'), Literal('1.50', datatype=URIRef('http://www.w3.org/2001/XMLSchema#decimal'), normalize=False)]
    for text in hello:
        g.add((e('ü'), e('says'), text))
    store.commit()
    step('insert', len(g) == 3, len(g))
    read = Graph(SPARQLStore(url + '/sparql'), identifier=name)
    found = set(read.objects(e('ü'), e('says')))
    step('unicode', found == set(hello), found)
    for answer in ('xml', 'json', 'csv', 'tsv'):
        rows = list(Graph(SPARQLStore(url + '/sparql', returnFormat=answer), identifier=name).query('SELECT ?o { ?s ?p ?o FILTER(LANG(?o) = "de-at" || LANG(?o) = "de-AT") }'))
        step('select ' + answer, len(rows) == 1 and str(rows[0].o) == 'Grüß Gott', rows)
    g.remove((e('ü'), e('says'), hello[0]))
    store.commit()
    g.update('DELETE { ?s ?p ?o } INSERT { ?s ?p "hi"@en } WHERE { ?s ?p ?o FILTER(LANG(?o) != "") }')
    store.commit()
    found = set(read.objects(e('ü'), e('says')))
    step('update', found == {Literal('hi', lang='en'), hello[2]}, found)
    step('ask', bool(read.query('ASK { ?s ?p "hi"@en }')) and not bool(read.query('ASK { ?s ?p "ho"@en }')))
    for answer, source in (('construct', read), ('construct turtle', Graph(SPARQLStore(url + '/sparql', returnFormat='turtle'), identifier=name))):
        made = source.query('CONSTRUCT { ?o <http://rdflib.example/said> ?s, "hi"@en } WHERE { ?s ?p "hi"@en BIND(BNODE() AS ?o) }').graph
        step(answer, len(made) == 2 and isinstance(next(made.subjects()), BNode) and set(made.objects()) == {e('ü'), Literal('hi', lang='en')}, list(made))
    made = read.query('DESCRIBE <%s>' % e('ü')).graph
    step('describe', set(made.objects(e('ü'), e('says'))) == {Literal('hi', lang='en'), hello[2]}, list(made))
    store.update('INSERT DATA { GRAPH <%s> { <%s> <%s> [ <%s> "in" ] } }' % (name, e('b'), e('has'), e('is')))
    store.commit()
    found = list(read.query('SELECT ?b ?o { ?s <%s> ?b . ?b <%s> ?o }' % (e('has'), e('is'))))
    step('blank', len(found) == 1 and isinstance(found[0].b, BNode) and str(found[0].o) == 'in', found)
    step('empty', list(read.query('SELECT ?s { ?s <http://none.example/> ?o }')) == [] and len(Graph(SPARQLStore(url + '/sparql'), identifier=e('none'))) == 0)
    refused('syntax', lambda: list(read.query('SELECT ?s { ?s ?p }')), ValueError)
    refused('syntax of an update', lambda: (store.update('INSERT DATA { <a> }'), store.commit()), HTTPError)
    store.rollback()
    large = e('large')
    store.addN((e(f's{i}'), e('n'), Literal(i), Graph(store, identifier=large)) for i in range(NUMBER))
    store.commit()
    rows = {int(row.n) for row in Graph(SPARQLStore(url + '/sparql', returnFormat='json'), identifier=large).query('SELECT ?n { ?s ?p ?n }')}
    step('large', rows == set(range(NUMBER)), len(rows))


def wrapper_client(url):
    from SPARQLWrapper import CSV, JSON, JSONLD, N3, POST, RDFXML, TSV, TURTLE, URLENCODED, POSTDIRECTLY, XML, SPARQLWrapper
    from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

    def ask(text, form=JSON, **more):
        s = SPARQLWrapper(url + '/sparql')
        if form:
            s.setReturnFormat(form)
        s.setQuery(text)
        for set_option, value in more.items():
            getattr(s, set_option)(value)
        return s.query().convert()

    e = 'http://wrapper.example/'
    literal = '"' + TEXT.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n').replace('\t', '\\t') + '"'
    for i, method in enumerate((URLENCODED, POSTDIRECTLY)):
        ask(f'INSERT DATA {{ <{e}ü> <{e}p{i}> {literal}, "Grüß Gott"@de-AT }}', setMethod=POST, setRequestMethod=method)
    step('insert', True)
    rows = ask(f'SELECT ?p ?o {{ <{e}ü> ?p ?o }}')['results']['bindings']
    step('select', len(rows) == 4, rows)
    step('unicode', {(r['o']['value'], r['o'].get('xml:lang', '').lower()) for r in rows} == {(TEXT, ''), ('Grüß Gott', 'de-at')}, rows)
    xml = ask(f'SELECT ?o {{ <{e}ü> <{e}p0> ?o }}', XML).getElementsByTagName('literal')
    step('select xml', {x.firstChild.nodeValue for x in xml} == {TEXT, 'Grüß Gott'}, [x.toxml() for x in xml])
    for name, form in (('csv', CSV), ('tsv', TSV)):
        text = ask(f'SELECT ?o {{ <{e}ü> <{e}p0> ?o }}', form).decode()
        step('select ' + name, 'Grüß Gott' in text and '👋' in text, text)
    for method in (URLENCODED, POSTDIRECTLY):
        ask(f'DELETE {{ <{e}ü> ?p ?o }} INSERT {{ <{e}ü> ?p "hi" }} WHERE {{ <{e}ü> ?p ?o }}', setMethod=POST, setRequestMethod=method)
    rows = ask(f'SELECT ?o {{ <{e}ü> ?p ?o }}', setMethod=POST, setRequestMethod=POSTDIRECTLY)['results']['bindings']
    step('update', [r['o']['value'] for r in rows] == ['hi', 'hi'], rows)
    step('ask', ask(f'ASK {{ <{e}ü> ?p "hi" }}')['boolean'] is True and ask(f'ASK {{ <{e}ü> ?p "ho" }}')['boolean'] is False)
    ask(f'INSERT DATA {{ <{e}b> <{e}has> [ <{e}is> "in" ] }}', setMethod=POST)
    for name, form in (('by default', None), ('rdf+xml', RDFXML), ('turtle', TURTLE), ('n3', N3), ('json-ld', JSONLD)):
        made = ask(f'CONSTRUCT {{ <{e}b> <{e}has> ?b . ?b <{e}is> ?o }} WHERE {{ <{e}b> <{e}has> ?b . ?b <{e}is> ?o }}', form)
        text = made if isinstance(made, bytes) else made.serialize(format='nt').encode()
        step('construct ' + name, b'"in"' in text and b'wrapper.example/has' in text, text)
    rows = ask(f'SELECT ?b {{ <{e}b> <{e}has> ?b }}')['results']['bindings']
    step('blank', [r['b']['type'] for r in rows] == ['bnode'], rows)
    step('empty', ask('SELECT ?s { ?s <http://none.example/> ?o }')['results']['bindings'] == [])
    refused('syntax', lambda: ask('SELECT ?s { ?s ?p }'), QueryBadFormed)
    refused('syntax of an update', lambda: ask('INSERT DATA { <a> }', setMethod=POST), QueryBadFormed)
    ask('INSERT DATA { ' + ' '.join(f'<{e}s{i}> <{e}n> {i} .' for i in range(NUMBER)) + ' }', setMethod=POST, setRequestMethod=POSTDIRECTLY)
    rows = {int(r['n']['value']) for r in ask(f'SELECT ?n {{ ?s <{e}n> ?n }}')['results']['bindings']}
    step('large', rows == set(range(NUMBER)), len(rows))


{'rdflib': rdflib_client, 'sparqlwrapper': wrapper_client}[sys.argv[1]](sys.argv[2])
