// What rdf-test-suite asks for in place of an engine: the endpoints that it tests are given as options.
module.exports = {parse: () => Promise.reject(new Error('none')), query: () => Promise.reject(new Error('none')), update: () => Promise.reject(new Error('none'))}
