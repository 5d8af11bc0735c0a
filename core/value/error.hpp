#pragma once

#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace locum {

struct Key;

/// Error codes, distinguished by how a caller can react.
enum class Errc : std::uint8_t {
  invalid_argument = 1,  ///< the call itself is wrong: empty name, null extent, damaged handle …
  not_found,             ///< the object does not exist now
  key_exists,            ///< the name is in use; its value is unchanged
  type_mismatch,         ///< the object is of another type or element size
  stale,                 ///< the name was replaced since this handle or generation was taken
  out_of_memory,         ///< the node's memory or `/dev/shm` is full
  timeout,               ///< the deadline passed
  peer_lost,             ///< a process that this operation needed is dead or cannot be reached
  corrupt,               ///< stored bytes do not decode, or a shared structure is damaged
  closed,                ///< the runtime behind this object has been closed
  options_differ,        ///< ranks, or openers of one store, ask for different options
  unsupported,           ///< this build or this part of the library cannot do it
  system,                ///< the operating system or another library failed; see Error::detail()
  cancelled,             ///< the caller cancelled the operation
  broken_promise,        ///< the promise was destroyed before its value was set
  end_of_stream,         ///< the stream of steps, or the queue of tasks, was closed and is used up
  queue_full,            ///< the stream of steps has no room, and the writer is not to wait for it
  value_too_large,       ///< the backend holds no value of that size; nothing was sent
};

/// Returns the enumerator's own name, e.g. "key_exists".
[[nodiscard]] std::string_view to_string(Errc code) noexcept;

/// An error: its code, a sentence with advice on the next step, and the key or name concerned. Thrown during
/// set-up and by `Result::value()`; returned inside `Result` on the data path. Copies are cheap and never
/// throw; what() is built on its first call. Any thread may read it.
class Error : public std::exception {
 public:
  /// \param code the kind of failure
  /// \param text one sentence for a person; becomes part of what()
  /// \param detail the text of the other library or the system, if any
  explicit Error(Errc code, std::string text, std::string detail = {});

  [[nodiscard]] Errc code() const noexcept;
  /// Returns "key_exists: …", with key, detail and rank where known; without them if memory is short.
  [[nodiscard]] const char* what() const noexcept override;
  [[nodiscard]] const std::string& text() const noexcept;
  [[nodiscard]] const std::string& detail() const noexcept;
  /// Returns the name or printed key that the operation concerned; empty if none.
  [[nodiscard]] const std::string& key() const noexcept;
  /// Returns the rank (of the runtime's communicator) where the error arose; -1 if unknown.
  [[nodiscard]] int rank() const noexcept;
  /// Returns whether the resource is being made available, so that a retry a little later may succeed. Set
  /// only for calls that may not wait for it (WaitBudget); never sent to another rank.
  [[nodiscard]] bool is_transient() const noexcept;

  /// Returns a copy about this key (names longer than 128 bytes are shortened for printing).
  [[nodiscard]] Error about(std::string_view key) const;
  /// Returns a copy with this rank as its origin.
  [[nodiscard]] Error at_rank(int rank) const;
  /// Returns a copy with both key and rank.
  [[nodiscard]] Error about(std::string_view key, int rank) const;
  [[nodiscard]] Error about(const Key& key, int rank) const;
  /// Returns a transient copy.
  [[nodiscard]] Error as_transient() const;

 private:
  struct Body;
  Error(const Error& cause, std::string key, int rank, bool transient);

  std::shared_ptr<const Body> body_;
};

/// \cond library
/// Returns the error of a look-up that finds nothing. Created once and shared: it is often not read.
[[nodiscard]] Error no_such_object();
/// Returns the error of a wait for a name that reached its deadline. Created once and shared.
[[nodiscard]] Error name_not_put();

/// Returns the error of a process without free memory. Created once and shared: later calls allocate nothing
/// (Links makes the first call).
[[nodiscard]] Error no_memory_left();

/// Returns an error from `errno`, with the system's text as detail.
[[nodiscard]] Error system_error(std::string text, int error_number);
/// \endcond

std::ostream& operator<<(std::ostream& out, const Error& error);

}  // namespace locum
