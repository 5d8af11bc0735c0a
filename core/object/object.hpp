#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <locum/extents.hpp>
#include <locum/key.hpp>
#include <locum/path.hpp>

namespace locum {

/// The longest name, in bytes.
inline constexpr std::size_t max_name_bytes = 64 * 1024;

/// Identifies an object by key, or by store and name (when `name` is not empty).
struct Address {
  Key key;                ///< key.store is always valid; the rest only if `name` is empty
  std::string_view name;  ///< 1 byte to 64 KiB of any bytes
  /// By key: hash of the name that the object was put under, if the caller knows it from a handle; else 0. If
  /// the key no longer exists while its name is bound, the object was replaced (`stale`), not evicted
  /// (`not_found`).
  std::uint64_t name_hash = 0;

  /// By key: payload of the object in bytes, if the caller knows it from a handle; else 0.
  std::uint64_t size_bytes = 0;

  /// By key, and by name in a wait: the reply may bring an object of at most so many bytes, even if those are
  /// more than the runtime's inline_bytes. For objects that each rank reads once, and that no rank of its
  /// node shares.
  std::uint32_t most_along = 0;

  Address(const Key& object, std::uint64_t hash_of_name = 0, std::uint64_t size = 0)
      : key(object), name_hash(hash_of_name), size_bytes(size) {}
  Address(std::uint32_t store, std::string_view object_name) : key{store, 0, 0}, name(object_name) {}
};

/// Metadata of a new object; passed to `Sink::create`, which copies the texts.
struct ObjectMeta {
  std::uint32_t store = 0;
  std::uint32_t element_bytes = 1;  ///< size of one element (array), of the value (flat), 1 otherwise
  std::uint32_t alignment = 16;     ///< of its elements: a power of two, at most 4096
  std::uint64_t type_hash = 0;      ///< text_hash(type_name)
  std::string_view type_name;       ///< canonical, at most 64 KiB - 1
  std::string_view name;  ///< empty: unnamed, visible by key only; else 1 byte to 64 KiB of any bytes
  Layout layout = Layout::bytes;
  Extents extents;        ///< rank 0 unless layout is array
  bool checksum = false;  ///< whether sealing computes a checksum, which the first use verifies
  /// Lifetime from the seal on; 0: until it is evicted.
  std::uint64_t lifetime_ms = 0;
  /// The alignment is the most that elements of that size can need: they are known by their name only.
  bool alignment_is_guess = false;
  /// Whether a small object may end up with the node where its name has its home, instead of the maker's: who
  /// looks for it there needs no message. Its key is another one then (Sealed).
  bool at_home = false;
  /// StoringOptions::tag, for `create` alone: its memory may have been freed when the draft is sealed.
  std::string_view tag = {};
};

/// Memory of an unsealed object: the owner must pass it to exactly one of `Sink::seal` and `Sink::discard`.
struct ObjectDraft {
  std::span<std::byte>
      bytes;                ///< the payload to fill: aligned as meta asks, from 128 bytes on to 64 at least
  std::uint64_t place = 0;  ///< for the connector only: where the draft is
  ObjectMeta meta;
};

/// Whether sealing under a live name is an error or makes a new generation.
enum class SealMode : std::uint8_t { put, replace };

/// How a named object becomes visible; ignored for an unnamed one.
struct SealOptions {
  SealMode mode = SealMode::put;
  /// replace: only if this is the current generation (`stale` if another is, `not_found` if none). 0: any or
  /// none.
  std::uint64_t expected_generation = 0;
  /// Whether the caller notifies this process's waiters for the name as soon as the call returns: its
  /// NameWatcher need not wake any thread.
  bool caller_tells = false;
  bool at_home = false;    ///< as in ObjectMeta
  bool is_awaited = true;  ///< false: no thread waits for the seal, which may be told of later if at_home
};

/// Key and generation under which an object became visible.
struct Sealed {
  Key key;
  std::uint64_t generation = 0;  ///< 0 if unnamed
};

/// Metadata of a stored object. The texts point into the object's own memory.
struct ObjectFacts {
  Key key;
  std::uint64_t size_bytes = 0;
  std::uint64_t generation = 0;  ///< of its name; 0 if unnamed
  std::uint64_t type_hash = 0;
  std::uint32_t element_bytes = 1;
  Layout layout = Layout::bytes;
  Extents extents;
  std::string_view type_name;
  std::string_view name;  ///< empty if unnamed
  /// False if type, extents and name are known to have been overwritten: they are stored behind the payload,
  /// where a writer that overruns its end hits them.
  bool whole = true;
};

/// Keeps pinned objects in place, and itself alive until the last pin is released, even if all its owners
/// drop it before. Views therefore hold only its address; a shared pointer would cost each of them two locked
/// instructions. Implemented by connectors and their tables; called only by `ObjectView`. Any thread.
class PinBoard {
 public:
  /// \param path how the bytes of its objects reach a reader of this process
  explicit PinBoard(Path path = Path::shm_view) noexcept : path_(path) {}
  PinBoard(const PinBoard&) = delete;
  PinBoard& operator=(const PinBoard&) = delete;

  /// Adds a view of a pinned object. REQUIRES: the object is pinned by at least one view.
  virtual void retain(std::uint64_t pin) noexcept = 0;
  /// Removes a view; once the last one is removed, the memory of an evicted object can be reused. The caller
  /// must not access this board afterwards, unless something else keeps it.
  virtual void release(std::uint64_t pin) noexcept = 0;
  /// Returns the metadata of the pinned object; the texts live as long as the pin.
  [[nodiscard]] virtual ObjectFacts describe(std::uint64_t pin) const = 0;
  /// Whether the pinned object has other views, of any process, than the caller's one. They may come and go
  /// meanwhile. True if that is not known.
  [[nodiscard]] virtual bool has_other_views(std::uint64_t /*pin*/) const noexcept { return true; }
  /// Returns when the pinned object expires, in nanoseconds since 1970; 0: never, or not known here.
  [[nodiscard]] virtual std::uint64_t expires_ns(std::uint64_t /*pin*/) const noexcept { return 0; }
  [[nodiscard]] Path path() const noexcept { return path_; }

 protected:
  ~PinBoard() = default;

  Path path_;
};

/// Pinned read-only bytes of an object: they stay in place, unchanged, until the last copy of the view is
/// destroyed, even if the object is evicted or replaced. Copies are cheap; a view is used by one thread at a
/// time, copies by any.
class ObjectView {
 public:
  ObjectView() = default;
  /// Takes over one pin that `board` has already counted.
  ObjectView(PinBoard& board, std::uint64_t pin, const Key& key, std::span<const std::byte> bytes,
             std::uint64_t type_hash) noexcept
      : board_(&board), pin_(pin), key_(key), bytes_(bytes), type_hash_(type_hash) {}
  ObjectView(const ObjectView& other) noexcept
      : board_(other.board_),
        pin_(other.pin_),
        key_(other.key_),
        bytes_(other.bytes_),
        type_hash_(other.type_hash_) {
    if (board_ != nullptr) {
      board_->retain(pin_);
    }
  }
  ObjectView(ObjectView&& other) noexcept
      : board_(std::exchange(other.board_, nullptr)),
        pin_(other.pin_),
        key_(other.key_),
        bytes_(std::exchange(other.bytes_, {})),
        type_hash_(other.type_hash_) {}
  ObjectView& operator=(ObjectView other) noexcept {
    std::swap(board_, other.board_);
    std::swap(pin_, other.pin_);
    std::swap(key_, other.key_);
    std::swap(bytes_, other.bytes_);
    std::swap(type_hash_, other.type_hash_);
    return *this;
  }
  ~ObjectView() {
    if (board_ != nullptr) {
      board_->release(pin_);
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return board_ != nullptr; }
  [[nodiscard]] const Key& key() const noexcept { return key_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t type_hash() const noexcept { return type_hash_; }
  /// Narrows the view to these bytes. REQUIRES: they lie within bytes().
  void narrow(std::uint64_t offset, std::uint64_t count) noexcept { bytes_ = bytes_.subspan(offset, count); }
  /// Returns how the bytes reached this process. REQUIRES: not empty.
  [[nodiscard]] Path path() const noexcept { return board_->path(); }
  /// Returns type, extents, name and generation. REQUIRES: not empty.
  [[nodiscard]] ObjectFacts facts() const { return board_->describe(pin_); }
  /// Returns when it expires, in nanoseconds since 1970; 0: never. REQUIRES: not empty.
  [[nodiscard]] std::uint64_t expires_ns() const noexcept { return board_->expires_ns(pin_); }

 private:
  PinBoard* board_ = nullptr;
  std::uint64_t pin_ = 0;
  Key key_;
  std::span<const std::byte> bytes_;
  std::uint64_t type_hash_ = 0;
};

}  // namespace locum
