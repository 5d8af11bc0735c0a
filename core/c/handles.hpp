#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace locum::c {

/// The objects behind the handles of one kind. A handle is a number (kind, generation and place), so a handle
/// that was removed, or is of another kind, is recognised without reading memory that may be gone. An object
/// in use by one thread is destroyed only when that thread has finished. Any thread. Never destroyed: handles
/// may be used until the process ends. Without a mutex: a child that is forked while another thread makes or
/// ends a handle would wait for that thread, which it does not have; at most it lacks the places that the
/// thread was about to use.
template <class Object>
class Handles {
  static_assert(std::is_nothrow_move_constructible_v<Object>, "add() would lose its place");
  struct Slot;

 public:
  /// \param kind 1 to 127, another one for each type
  explicit constexpr Handles(std::uint8_t kind) noexcept : kind_(kind) {}
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  /// An object in use: it exists as long as this.
  class Use {
   public:
    Use() = default;
    Use(Handles& all, Slot& slot) noexcept : all_(&all), slot_(&slot) {}
    Use(Use&& other) noexcept : all_(other.all_), slot_(std::exchange(other.slot_, nullptr)) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (slot_ != nullptr) {
        all_->finish(*slot_);
      }
    }
    /// Returns false if the handle is none of this kind, or was removed.
    [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }
    [[nodiscard]] Object* operator->() const noexcept { return &*slot_->object; }
    [[nodiscard]] Object& operator*() const noexcept { return *slot_->object; }

   private:
    Handles* all_ = nullptr;
    Slot* slot_ = nullptr;
  };

  /// Returns a new handle; null if there are `most` already. Throws std::bad_alloc.
  [[nodiscard]] void* add(Object object) {
    Slot* slot = take_place();
    while (slot == nullptr) {
      if (!grow()) {
        return nullptr;
      }
      slot = take_place();
    }
    slot->object.emplace(std::move(object));
    // Only now: a handle of this generation exists nowhere yet.
    slot->state.fetch_and(~empty, std::memory_order_release);
    return to_handle(slot->place, generation_of(slot->state.load(std::memory_order_relaxed)));
  }
  [[nodiscard]] Use use(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return {};
    }
    const std::uint64_t before = slot->state.fetch_add(1, std::memory_order_acquire);
    if (generation_of(before) != generation_in(handle) || (before & (closing | empty)) != 0) {
      finish(*slot);
      return {};
    }
    return Use(*this, *slot);
  }
  /// Overload for objects that one thread at a time may use: also returns false while another thread does.
  /// All uses of such a kind are of this form.
  [[nodiscard]] Use use_alone(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return {};
    }
    std::uint64_t idle = std::uint64_t{generation_in(handle)} << 32U;
    return slot->state.compare_exchange_strong(idle, idle + 1, std::memory_order_acq_rel) ? Use(*this, *slot)
                                                                                          : Use();
  }
  /// Ends the handle; the object is destroyed when no thread uses it. Returns false if it is no such handle.
  bool remove(const void* handle) noexcept {
    const Use last = use(handle);
    return last && (slot_of(handle)->state.fetch_or(closing, std::memory_order_acq_rel) & closing) == 0;
  }
  /// Ends the handle and returns its object; none if it is no such handle, or another thread uses it.
  [[nodiscard]] std::optional<Object> take(const void* handle) noexcept {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) {
      return std::nullopt;
    }
    std::uint64_t idle = std::uint64_t{generation_in(handle)} << 32U;
    if (!slot->state.compare_exchange_strong(idle, next(idle), std::memory_order_acq_rel)) {
      return std::nullopt;
    }
    std::optional<Object> object(std::move(*slot->object));
    recycle(*slot);
    return object;
  }

  /// Returns the number of live handles, about: other threads make and end them meanwhile.
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t count = 0;
    for (const std::atomic<Slot*>& each : chunks_) {
      if (const Slot* const chunk = each.load(std::memory_order_acquire); chunk != nullptr) {
        count += static_cast<std::size_t>(std::count_if(chunk, chunk + chunk_size, [](const Slot& slot) {
          return (slot.state.load(std::memory_order_relaxed) & empty) == 0;
        }));
      }
    }
    return count;
  }

 private:
  static constexpr std::uint32_t chunk_size = 256;
  static constexpr std::uint32_t most_chunks = 256;
  static constexpr std::uint64_t closing = std::uint64_t{1} << 31U;  ///< the handle ended, its object did not
  static constexpr std::uint64_t empty = std::uint64_t{1} << 30U;    ///< there is no object
  static constexpr std::uint32_t no_place = 0xFFFFFF;                ///< the end of the list of free ones

  struct Slot {
    /// From the highest bit: 32 of the generation, `closing`, `empty`, 30 of how many threads use the object,
    /// or are about to find that their handle is another one.
    std::atomic<std::uint64_t> state{(std::uint64_t{1} << 32U) | empty};
    std::optional<Object> object;
    std::uint32_t place = 0;
    std::atomic<std::uint32_t> next_free{no_place};  ///< of a slot in the list of free ones
  };

  [[nodiscard]] static std::uint32_t generation_of(std::uint64_t state) noexcept {
    return static_cast<std::uint32_t>(state >> 32U);
  }
  [[nodiscard]] static std::uint64_t next(std::uint64_t state) noexcept {
    const std::uint32_t generation = generation_of(state) + 1;
    return (std::uint64_t{generation == 0 ? 1U : generation} << 32U) | empty;
  }
  [[nodiscard]] void* to_handle(std::uint32_t place, std::uint32_t generation) const noexcept {
    const std::uint64_t number = std::uint64_t{kind_} << 56U | std::uint64_t{generation} << 24U | place;
    return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): points to nothing
  }
  [[nodiscard]] static std::uint32_t generation_in(const void* handle) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(handle) >> 24U);
  }
  [[nodiscard]] Slot* slot_of(const void* handle) noexcept {
    const auto number = reinterpret_cast<std::uint64_t>(handle);
    const auto place = static_cast<std::uint32_t>(number & 0xFFFFFFU);
    return number >> 56U == kind_ && place < chunk_size * most_chunks ? find(place) : nullptr;
  }
  [[nodiscard]] Slot* find(std::uint32_t place) noexcept {
    Slot* const chunk = chunks_[place / chunk_size].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : chunk + place % chunk_size;
  }
  /// Makes a chunk of free slots; false if there are as many as there may be.
  [[nodiscard]] bool grow() {
    const std::uint32_t at = chunks_used_.load(std::memory_order_acquire);
    if (at == most_chunks) {
      return false;
    }
    auto slots = std::make_unique<Slot[]>(chunk_size);
    for (std::uint32_t each = 0; each < chunk_size; ++each) {
      slots[each].place = at * chunk_size + each;
      slots[each].next_free.store(slots[each].place + 1, std::memory_order_relaxed);
    }
    Slot* none = nullptr;
    const bool is_ours = chunks_[at].compare_exchange_strong(none, slots.get(), std::memory_order_acq_rel);
    // Also for a thread of the parent that got no further before a fork.
    std::uint32_t used = at;
    chunks_used_.compare_exchange_strong(used, at + 1, std::memory_order_acq_rel);
    if (is_ours) {
      Slot* const first = slots.release();
      add_places(*first, first[chunk_size - 1]);
    }
    return true;
  }
  /// Takes a slot from the list of free ones; null if there is none.
  [[nodiscard]] Slot* take_place() noexcept {
    std::uint64_t first = free_.load(std::memory_order_acquire);
    for (;;) {
      const auto place = static_cast<std::uint32_t>(first & no_place);
      if (place == no_place) {
        return nullptr;
      }
      Slot& slot = chunks_[place / chunk_size].load(std::memory_order_acquire)[place % chunk_size];
      const std::uint32_t next = slot.next_free.load(std::memory_order_relaxed);
      if (free_.compare_exchange_weak(first, followed_by(first, next), std::memory_order_acquire)) {
        return &slot;
      }
    }
  }
  /// Adds a chain of slots, or one, to the list of free ones.
  void add_places(Slot& begin, Slot& end) noexcept {
    std::uint64_t first = free_.load(std::memory_order_relaxed);
    do {
      end.next_free.store(static_cast<std::uint32_t>(first & no_place), std::memory_order_relaxed);
    } while (!free_.compare_exchange_weak(first, followed_by(first, begin.place), std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  /// Returns what `free_` becomes after `first`, with another number of changes: a thread that has read the
  /// slot after a first one does not take that for the first again which was taken and added meanwhile.
  [[nodiscard]] static std::uint64_t followed_by(std::uint64_t first, std::uint32_t place) noexcept {
    return ((first >> 24U) + 1) << 24U | place;
  }
  // The last of the threads that use a closing object makes its handle another generation's, and destroys it:
  // only one of them finds the state so.
  void finish(Slot& slot) noexcept {
    const std::uint64_t before = slot.state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & closing) == 0 || (before & (closing - 1)) != 1) {  // with `empty` it is more than 1
      return;
    }
    std::uint64_t unused = before - 1;
    if (slot.state.compare_exchange_strong(unused, next(unused), std::memory_order_acq_rel)) {
      recycle(slot);
    }
  }
  void recycle(Slot& slot) noexcept {
    slot.object.reset();
    add_places(slot, slot);
  }

  const std::uint8_t kind_;
  std::array<std::atomic<Slot*>, most_chunks> chunks_{};
  std::atomic<std::uint32_t> chunks_used_{0};
  std::atomic<std::uint64_t> free_{
      no_place};  ///< 40 bits of how often it changed, 24 of the first free place
};

}  // namespace locum::c
