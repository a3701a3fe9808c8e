import Testing

@Suite("The import table")
struct ImportTests {
    let repository = Repository.here

    @Test("every import of every target is in the table")
    func importsAreAllowed() {
        for target in repository.targets {
            guard let allowed = ImportTable.modules(of: target) else {
                Issue.record("\(target) has no row in the import table")
                continue
            }
            for file in repository.swiftFiles(of: target) {
                for line in file.lines(with: "import ") {
                    guard let module = ImportTable.importedModule(in: line.text) else { continue }
                    #expect(allowed.contains(module), "\(file.path):\(line.number): \(target) may not import \(module)")
                }
            }
        }
    }

    @Test("CONTRIBUTING.md shows the same table")
    func tableIsDocumented() {
        let guide = repository.text("CONTRIBUTING.md")
        for (target, modules) in ImportTable.allowed {
            let row = ImportTable.row(target, modules)
            #expect(guide.contains(row + "\n"), "CONTRIBUTING.md lacks the row: \(row)")
        }
    }

    @Test(
        "an import is seen in every form that Swift allows",
        arguments: [
            "import Domain", "package import Domain", "@testable import Domain", "@_spi(Test) public import Domain",
            "import struct Domain.Money", "    import Domain // for Money",
        ])
    func importsAreSeen(line: String) {
        #expect(ImportTable.importedModule(in: line) == "Domain")
    }

    @Test("the table itself keeps the directions that the design rests on")
    func tableKeepsDirections() throws {
        let features: Set = ["Sellers", "Orders", "Settlement", "Billing"]
        let sandbox = try #require(ImportTable.modules(of: "StripeSandbox"))
        #expect(sandbox.isDisjoint(with: features.union(["Ledger", "Store", "Postgres", "Web"])))
        let webhooks = try #require(ImportTable.modules(of: "Webhooks"))
        #expect(webhooks.isDisjoint(with: features))
        for (target, modules) in ImportTable.allowed {
            #expect(!modules.contains("Foundation"), "\(target): full Foundation links 45 MB of ICU")
            if target != "souk" { #expect(!modules.contains("App"), "\(target) may not know the composition root") }
        }
    }
}
