#pragma once

#include <locum/raw_view.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>

namespace locum::detail {

class SessionState;

/// Returns an object as a value whose type is known at run time, in place: an array, a number, a text, raw
/// bytes (an array of `u8`), or a Record, whose arrays keep the object pinned. `type_mismatch` names the type
/// of another object; `corrupt`.
[[nodiscard]] Result<Record> record_of(SessionState& session, const RawView& object);

}  // namespace locum::detail
