#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "core/ports/transport.hpp"
#include "core/result.hpp"

namespace locum {

/// What opens exposed memory to other ranks: bytes that only the implementation understands that made them.
/// They travel in messages, and are not to be trusted when they come.
class RemoteKey {
 public:
  static constexpr std::size_t max_bytes = 256;

  RemoteKey() = default;
  /// REQUIRES: no more than max_bytes; the rest is left out.
  explicit RemoteKey(std::span<const std::byte> bytes) noexcept : size_(std::min(bytes.size(), max_bytes)) {
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }

 private:
  std::size_t size_ = 0;
  std::array<std::byte, max_bytes> bytes_{};
};

/// Memory of one rank that others read without its help: *one-sided*. Opened together with a Transport of the
/// same ranks, and ends before it; expose(), withdraw() and get() are called by whoever has the right to call
/// its progress(), and wait for nothing; reads() by any thread.
///
/// Who exposes memory must keep it as it is for as long as somebody may read it, and has to agree about that
/// with the reader: nothing tells it that it was read. What is read after withdraw() is an error or any
/// bytes.
class RemoteMemory {
 public:
  struct Exposure {
    std::uint64_t number = 0;  ///< for withdraw()
    RemoteKey key;             ///< for get() at other ranks
  };
  /// Called once, within a progress() of the transport: the bytes are there, or nobody writes to their memory
  /// any more. May call get(), expose() and withdraw(), and send() and forget() of the transport.
  using Then = std::function<void(const Result<void>& outcome)>;

  RemoteMemory() = default;
  RemoteMemory(const RemoteMemory&) = delete;
  RemoteMemory& operator=(const RemoteMemory&) = delete;
  virtual ~RemoteMemory() = default;

  /// Makes `memory` readable for other ranks until withdraw(). `unsupported`: no lane could read it without
  /// help; `out_of_memory`: the device takes no more.
  [[nodiscard]] virtual Result<Exposure> expose(std::span<const std::byte> memory) = 0;
  /// Only when nobody reads it any more, or what it reads is not believed.
  virtual void withdraw(std::uint64_t number) noexcept = 0;
  /// Reads what that rank has exposed under `key`, from `offset` on, to all of `into`, which stays until the
  /// outcome is known. `done`: it is there, `then` will not be called. Errors, at once or told to `then`:
  /// `unsupported` (reads() says no), `invalid_argument` (these bytes are no key of that rank, or open less
  /// memory), `stale` (it was withdrawn, where that is noticed), `peer_lost`, `out_of_memory`, `timeout`.
  [[nodiscard]] virtual Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                            std::span<std::byte> into, Then then) = 0;
  /// Whether memory of that rank is read without its help, where it can be exposed at all. Never of this rank
  /// itself.
  [[nodiscard]] virtual bool reads(int rank) const noexcept = 0;
};

}  // namespace locum
