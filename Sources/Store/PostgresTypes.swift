import Domain
package import Postgres
