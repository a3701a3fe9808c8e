import Domain
import FoundationEssentials
import Testing

@Suite struct DescriptionTests {
    private static let root = String(#filePath.split(separator: "/Tests/WebTests/", maxSplits: 1)[0])

    /// The items of a block list that stands under `schema:` in the description's components.
    private func values(of schema: String) throws -> [String] {
        let text = try String(contentsOfFile: Self.root + "/openapi/souk.yaml", encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0 == "    \(schema):" })
        let end = lines[(start + 1)...].firstIndex { $0.hasPrefix("    ") && !$0.hasPrefix("     ") } ?? lines.endIndex
        let items = lines[start..<end].compactMap { line -> String? in
            let item = line.drop { $0 == " " }
            return item.hasPrefix("- ") ? item.dropFirst(2).filter { $0 != "'" } : nil
        }
        return items.sorted()
    }

    @Test func errorCodesAreThoseOfTheCatalogue() throws {
        #expect(try values(of: "ErrorCode") == ErrorCode.allCases.map(\.rawValue).sorted())
    }

    @Test func scopesAreThoseOfTheKeys() throws {
        #expect(try values(of: "Scope") == Scope.allCases.map(\.rawValue).sorted())
    }
}
