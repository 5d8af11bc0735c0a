#pragma once

#include <cstddef>
#include <memory>

#include <locum/record.hpp>
#include <locum/result.hpp>

namespace locum::detail {
class SessionState;
}

namespace locum::storage {

/// Returns a value that a text of JSON holds exactly: what it does not (arrays, bytes, complex numbers, NaN
/// and infinity, texts that are no UTF-8, stand-ins) is the member `@record`, the stored Record in
/// hexadecimal digits, and `shows`, for people. Throws Error, as storing a Record does.
[[nodiscard]] Record plain_record(const Record& value);
/// Inverts plain_record(). `corrupt`. The value is not trusted.
[[nodiscard]] Result<Record> record_of_plain(const Record& plain,
                                             const std::weak_ptr<detail::SessionState>& session);
/// Returns whether lists and members nest at most that many levels deep.
[[nodiscard]] bool nests_at_most(const Record& value, std::size_t levels);

}  // namespace locum::storage
