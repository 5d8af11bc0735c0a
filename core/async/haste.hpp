#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace locum {

/// As long as it lives this thread is in haste: it holds up others, and what it calls waits for no other
/// process longer than longest() at a time, and for the same one not again and again; and not at all for what
/// it could have later. Who drives the exchange is, because a rank that says nothing counts as dead, and does
/// little work itself: it commits no more than a piece of memory. Who runs what nobody waits for is, because
/// what it would wait for holds up all the rest of that; but it may work. One thread; may be nested, the
/// innermost counts.
class Haste {
 public:
  using Duration = std::chrono::milliseconds;

  /// What it may do itself that takes long, such as committing much memory.
  enum class Work : std::uint8_t { little, any };

  explicit Haste(Duration longest, Work work = Work::little) noexcept
      : before_(std::exchange(most, work == Work::any ? -longest : longest)) {}
  Haste(const Haste&) = delete;
  Haste& operator=(const Haste&) = delete;
  ~Haste() { most = before_; }

  /// For who must not be missed by others, whose patience this is: a fifth of it is one question whether it
  /// lives, and it may wait more than once.
  [[nodiscard]] static constexpr Duration within(Duration patience) noexcept { return patience / 20; }

  /// Of the calling thread; Duration::max() where it is in none.
  [[nodiscard]] static Duration longest() noexcept { return most < Duration::zero() ? -most : most; }
  /// Whether the calling thread is in haste.
  [[nodiscard]] static bool is_on() noexcept { return most != Duration::max(); }
  /// Whether the calling thread may do what takes long by itself, waiting for nobody.
  [[nodiscard]] static bool allows_work() noexcept { return !is_on() || most < Duration::zero(); }
  /// Says that something could not be had in haste, and is being made: whoever asks again a little later may
  /// have it.
  static void put_off() noexcept { something_put_off = true; }
  /// Whether that was said in this thread since this was last asked.
  [[nodiscard]] static bool has_put_off() noexcept { return std::exchange(something_put_off, false); }

 private:
  // Negative: of a thread that may work. In one word, because whoever drives writes it in every step.
  static constinit inline thread_local Duration most = Duration::max();
  static constinit inline thread_local bool something_put_off = false;

  const Duration before_;
};

}  // namespace locum
