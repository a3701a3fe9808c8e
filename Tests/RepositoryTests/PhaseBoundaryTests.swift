import Testing

/// The registry of phase boundaries and the code that passes them name the same ones.
@Suite struct PhaseBoundaryTests {
    private static let registry = "Sources/Store/PhaseBoundary.swift"

    @Test("every phase boundary of the registry is marked where the code passes it, and no other is")
    func marks() {
        let registered = Repository.here.text(Self.registry).matches(of: /case \w+ = "(\w+)"/).map { String($0.1) }
        let marked = Repository.here.files(under: "Sources", suffix: ".swift").flatMap { path in
            Repository.here.text(path).matches(of: /\/\/ boundary: (\w+)\n/).map { String($0.1) }
        }
        #expect(registered.count > 10)
        #expect(Set(marked) == Set(registered))
    }
}
