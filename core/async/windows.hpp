#pragma once

#include <cstdint>
#include <memory>

#include "core/async/window.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum {

/// The two windows of a rank. Futures have a separate one, so that objects waiting for their first use never
/// block objects that a program waits for.
class Windows {
 public:
  /// As in Window, for each.
  Windows(std::uint64_t limit_bytes, std::uint32_t most_under_way)
      : until_used_(std::make_shared<Window>(limit_bytes, most_under_way)),
        until_got_(std::make_shared<Window>(limit_bytes, most_under_way)) {}

  [[nodiscard]] const std::shared_ptr<Window>& of(CountsUntil until) const noexcept {
    return counts_for_use(until) ? until_used_ : until_got_;
  }
  void close() const noexcept {
    until_used_->close();
    until_got_->close();
  }

 private:
  std::shared_ptr<Window> until_used_;
  std::shared_ptr<Window> until_got_;
};

}  // namespace locum
