import Hummingbird

/// The answer to a DELETE: `{"id":…,"object":…,"deleted":true}`.
package struct DeletedBody: ResponseEncodable {
    package let id: String
    package let object: String
    package let deleted = true

    package init(id: String, object: String) {
        self.id = id
        self.object = object
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, deleted
    }
}
