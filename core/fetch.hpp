#pragma once

#include <cstdint>
#include <memory>

#include "deadline.hpp"
#include "object.hpp"
#include "result.hpp"

namespace locum {

/// How long an object that is fetched ahead of use counts among those for which memory is set aside.
enum class CountsUntil : std::uint8_t {
  it_is_used,  ///< for the first time, or nobody has it any more
  it_comes,
};

/// An object that is on its way, or waits to be let on it, and comes whether or not anybody waits for it. Any
/// thread.
class Fetch {
 public:
  Fetch() = default;
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  virtual ~Fetch() = default;

  /// Whether get() does not wait.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
  /// The object, pinned, or why it did not come; `timeout` if it has not until then, and may still. Who waits
  /// for one that is not on its way yet has it let on at once.
  [[nodiscard]] virtual Result<ObjectView> get(Deadline deadline) = 0;
};

/// What is there at once, or on its way.
struct Begun {
  Result<ObjectView> found;  ///< if nothing is on its way; an empty view: nor will be
  std::shared_ptr<Fetch> coming = nullptr;
};

}  // namespace locum
