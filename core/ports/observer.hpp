#pragma once

namespace locum {

/// Hears of an end, in whatever thread that comes to pass, steps of who drives (Progress) included: must not
/// wait, and needs no memory.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void ended() noexcept = 0;
};

}  // namespace locum
