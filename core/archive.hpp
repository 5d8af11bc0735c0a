#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include <locum/flat.hpp>
#include <locum/result.hpp>

namespace locum {

namespace detail {
class SessionState;
}

/// Deepest nesting of values (a vector of vectors is two deep); bounds the stack when reading bytes that
/// another process wrote.
inline constexpr std::size_t max_nesting = 256;

/// Writes and reads a class template of the standard library, or a class that cannot be changed: specialise
/// it with `static void save(Archive&, const T&)` and `static void load(ReadArchive&, T&)`. Give your own
/// types a `serialize` instead.
template <class T>
struct Serializer;

namespace detail {

template <class T>
concept HasSerializer = requires { sizeof(Serializer<T>); };

/// Explains, while compiling, why a type cannot be stored.
template <class T>
constexpr void check_storable() {
  static_assert(!is_pointer_like<T>,
                "locum cannot store a pointer: what it points to belongs to one process; store the value "
                "itself, or a locum::Proxy");
  static_assert(!is_span<T> && !is_instance<T, std::basic_string_view>,
                "locum cannot store a non-owning view as part of a value: nothing would own the elements "
                "that are read; use std::string or std::vector");
  static_assert(is_pointer_like<T> || is_span<T> || is_instance<T, std::basic_string_view> || Flat<T>,
                "locum cannot store this type: it is not trivially copyable and has no serialize(Archive&); "
                "for std::map, std::set, std::deque and std::list include <locum/containers.hpp>");
  if constexpr (Flat<T>) {
    check_flat<T>();
  }
}

/// Counts one level of nesting during its lifetime.
class Nesting {
 public:
  Nesting(std::size_t& depth, Errc code) : depth_(depth) {
    if (depth_ == max_nesting) {
      throw Error(code,
                  "values nest deeper than " + std::to_string(max_nesting) + " levels; store them flatter");
    }
    ++depth_;
  }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --depth_; }

 private:
  std::size_t& depth_;
};

/// Common base of SizeArchive and WriteArchive: `archive(a, b, c)` and `archive & a`.
template <class Archive>
class OutputArchive {
 public:
  using is_loading = std::false_type;
  using is_saving = std::true_type;

  template <class... T>
  Archive& operator()(const T&... values) {
    (save(values), ...);
    return self();
  }
  template <class T>
  Archive& operator&(const T& value) {
    return (*this)(value);
  }

 private:
  Archive& self() { return static_cast<Archive&>(*this); }

  template <class T>
  void save(const T& value) {
    // serialize() is not const because it reads as well; an output archive does not change its arguments.
    if constexpr (HasSerializer<T>) {
      const Nesting nesting(depth_, Errc::invalid_argument);
      Serializer<T>::save(self(), value);
    } else if constexpr (Access::has_member<Archive, T>) {
      const Nesting nesting(depth_, Errc::invalid_argument);
      Access::call(self(), const_cast<T&>(value));
    } else if constexpr (FreelySerialized<Archive, T>) {
      const Nesting nesting(depth_, Errc::invalid_argument);
      serialize(self(), const_cast<T&>(value));
    } else {
      check_storable<T>();
      if constexpr (Flat<T>) {
        self().bytes(&value, sizeof(T));
      }
    }
  }

  std::size_t depth_ = 0;
};

}  // namespace detail

/// First of the two passes that write a value: counts its bytes.
class SizeArchive : public detail::OutputArchive<SizeArchive> {
 public:
  void bytes(const void*, std::size_t size_bytes) noexcept { position_ += size_bytes; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  std::uint64_t position_ = 0;
};

/// Second pass: writes the value directly into the memory of its object, and never past its end.
class WriteArchive : public detail::OutputArchive<WriteArchive> {
 public:
  explicit WriteArchive(std::span<std::byte> memory) noexcept : memory_(memory) {}

  void bytes(const void* from, std::size_t size_bytes) {
    if (size_bytes > memory_.size() - position_) {
      throw Error(Errc::invalid_argument,
                  "serialize() wrote more than it counted in its first pass; do not change the value during "
                  "the call, and make serialize() do the same for every archive");
    }
    if (size_bytes > 0) {
      std::memcpy(memory_.data() + position_, from, size_bytes);
    }
    position_ += size_bytes;
  }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  std::span<std::byte> memory_;
  std::size_t position_ = 0;
};

/// Reads a value. The bytes are not trusted: every length is checked against the remaining bytes before
/// memory is allocated for it, and malformed bytes end reading by an Error(corrupt) thrown out of
/// `serialize`.
class ReadArchive {
 public:
  using is_loading = std::true_type;
  using is_saving = std::false_type;

  ReadArchive(std::span<const std::byte> memory, std::weak_ptr<detail::SessionState> session) noexcept
      : memory_(memory), session_(std::move(session)) {}

  template <class... T>
  ReadArchive& operator()(T&&... values) {
    (load(values), ...);
    return *this;
  }
  template <class T>
  ReadArchive& operator&(T&& value) {
    return (*this)(value);
  }

  void bytes(void* to, std::size_t size_bytes) {
    const std::span<const std::byte> from = take(size_bytes);
    if (size_bytes > 0) {
      std::memcpy(to, from.data(), size_bytes);
    }
  }
  /// Returns the next bytes without copying them; throws Error(corrupt) if fewer are left.
  std::span<const std::byte> take(std::size_t size_bytes) {
    if (size_bytes > left()) {
      throw Error(Errc::corrupt,
                  "the stored bytes end within the value; read it with the serialize() that wrote it");
    }
    const std::span<const std::byte> next = memory_.subspan(position_, size_bytes);
    position_ += size_bytes;
    return next;
  }
  /// Reads a number of elements, each of which takes at least `element_bytes` of the remaining bytes.
  std::size_t length(std::size_t element_bytes) {
    std::uint64_t count = 0;
    bytes(&count, sizeof count);
    if (count > left() / element_bytes) {
      throw Error(Errc::corrupt,
                  "a stored length exceeds the object; read it with the serialize() that wrote it");
    }
    return static_cast<std::size_t>(count);
  }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t left() const noexcept { return memory_.size() - position_; }
  /// Returns the session in which proxies within the value resolve.
  [[nodiscard]] const std::weak_ptr<detail::SessionState>& session() const noexcept { return session_; }

 private:
  template <class T>
  void load(T& value) {
    if constexpr (detail::HasSerializer<T>) {
      const detail::Nesting nesting(depth_, Errc::corrupt);
      Serializer<T>::load(*this, value);
    } else if constexpr (Access::has_member<ReadArchive, T>) {
      const detail::Nesting nesting(depth_, Errc::corrupt);
      Access::call(*this, value);
    } else if constexpr (detail::FreelySerialized<ReadArchive, T>) {
      const detail::Nesting nesting(depth_, Errc::corrupt);
      serialize(*this, value);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      bytes(&byte, 1);
      if (byte > 1) {
        throw Error(
            Errc::corrupt,
            "a stored bool is neither true nor false; read the value with the serialize() that wrote it");
      }
      value = byte == 1;
    } else {
      detail::check_storable<T>();
      if constexpr (Flat<T>) {
        bytes(&value, sizeof(T));
      }
    }
  }

  std::span<const std::byte> memory_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  std::weak_ptr<detail::SessionState> session_;
};

}  // namespace locum
