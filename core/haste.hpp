#pragma once

#include <chrono>
#include <utility>

namespace locum {

/// As long as it lives this thread is in haste: it holds up others, and what it calls waits for no other
/// process longer than longest() at a time, and for the same one not again and again; and not at all for what
/// it could have later, such as much memory. Who drives the exchange is, because a rank that says nothing
/// counts as dead. One thread; may be nested, the innermost counts.
class Haste {
 public:
  using Duration = std::chrono::milliseconds;

  explicit Haste(Duration longest) noexcept : before_(std::exchange(most, longest)) {}
  Haste(const Haste&) = delete;
  Haste& operator=(const Haste&) = delete;
  ~Haste() { most = before_; }

  /// Of the calling thread; Duration::max() where it is in none.
  [[nodiscard]] static Duration longest() noexcept { return most; }
  /// Whether the calling thread is in haste.
  [[nodiscard]] static bool is_on() noexcept { return most != Duration::max(); }
  /// Says that something could not be had in haste, and is being made: whoever asks again a little later may
  /// have it.
  static void put_off() noexcept { something_put_off = true; }
  /// Whether that was said in this thread since this was last asked.
  [[nodiscard]] static bool has_put_off() noexcept { return std::exchange(something_put_off, false); }

 private:
  static constinit inline thread_local Duration most = Duration::max();
  static constinit inline thread_local bool something_put_off = false;

  const Duration before_;
};

}  // namespace locum
