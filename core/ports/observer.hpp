#pragma once

namespace locum {

/// Called once on completion, on any thread, including within message progress (Progress): must not wait or
/// allocate memory.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void ended() noexcept = 0;
};

}  // namespace locum
