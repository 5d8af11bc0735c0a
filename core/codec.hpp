#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/detail/object/object.hpp>
#include <locum/detail/read.hpp>
#include <locum/detail/representation.hpp>
#include <locum/type_name.hpp>
#include <locum/view.hpp>

namespace locum {

/// A user-defined encoding of values as bytes, in place of locum's: a class that has
///
/// * `static constexpr std::string_view name`: 1 to 64 letters, digits and `_.+-`. It is part of the object's
///   type: `f64[]@f32`.
/// * `size(const T&) const`: the exact number of bytes that the value takes; or, if that is known only after
///   writing, `size_at_most`.
/// * `encode(const T&, std::span<std::byte>) const`: writes the value and returns the number of bytes
///   written. With `size` it writes directly into the object's memory, which is not cleared before; with
///   `size_at_most` into a private buffer, which is then copied.
/// * `static decode(std::span<const std::byte>, T&)`: reads into a default-constructed value.
/// * `template <class T> static constexpr bool takes`: whether the codec handles the type; if false, the
///   library's own encoding is used. Without this member it handles all types.
/// * `static constexpr bool reads_raw_bytes`: whether it also reads objects of raw bytes, at any address:
///   those that other programs stored in a backend, that `file:` with `plain=1` keeps without types, and that
///   `put_bytes` stored. Without this member these are `type_mismatch`.
///
/// The bytes passed to decode() are aligned to 16 and *not trusted*: another program may have written them.
/// It is static because a reader identifies the codec by its name alone: everything else that it needs has to
/// be in the bytes. An object is therefore decoded once per process for all readers. An exception derived
/// from `std::exception` that these functions throw becomes the error of the call: `out_of_memory` for
/// `std::bad_alloc`; for an Error, one with the same code and detail about the object of the call, whose text
/// names codec and type; for anything else `corrupt` from decode() and `invalid_argument` from the others.
/// Threads may call all of them concurrently. They may use `WriteArchive` and `ReadArchive`.
template <class C>
concept Codec = std::is_class_v<C> && requires {
  { C::name } -> std::convertible_to<std::string_view>;
  typename std::bool_constant<std::string_view(C::name).empty()>;
};

namespace detail {

class SessionState;

/// Separates the name of a type from that of its codec; occurs in no other type name.
inline constexpr char codec_mark = '@';
inline constexpr std::size_t longest_codec_name = 64;

[[nodiscard]] constexpr bool is_codec_name(std::string_view name) noexcept {
  for (const char c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '+' && c != '-') {
      return false;
    }
  }
  return !name.empty() && name.size() <= longest_codec_name;
}

/// The name of a type without codec, and that of its codec; empty: the library's own encoding.
struct TypeAndCodec {
  std::string_view type;
  std::string_view codec;
};
[[nodiscard]] constexpr TypeAndCodec type_and_codec(std::string_view name) noexcept {
  const std::size_t mark = name.rfind(codec_mark);
  return mark != name.npos && is_codec_name(name.substr(mark + 1))
             ? TypeAndCodec{name.substr(0, mark), name.substr(mark + 1)}
             : TypeAndCodec{name, {}};
}

/// Returns whether a codec handles a type; if not, the library's own encoding is used.
template <class C, class T>
constexpr bool codec_takes() {
  if constexpr (requires {
                  { C::template takes<T> } -> std::convertible_to<bool>;
                }) {
    return C::template takes<T>;
  } else {
    return true;
  }
}

/// Returns whether a codec reads objects of raw bytes.
template <class C>
constexpr bool codec_reads_raw_bytes() {
  if constexpr (requires {
                  { C::reads_raw_bytes } -> std::convertible_to<bool>;
                }) {
    return C::reads_raw_bytes;
  } else {
    return false;
  }
}

template <class C, class T>
concept SizedBy = requires(const C& codec, const T& value) {
  { codec.size(value) } -> std::convertible_to<std::uint64_t>;
};
template <class C, class T>
concept BoundedBy = requires(const C& codec, const T& value) {
  { codec.size_at_most(value) } -> std::convertible_to<std::uint64_t>;
};
template <class C, class T>
concept EncodedBy = requires(const C& codec, const T& value, std::span<std::byte> memory) {
  { codec.encode(value, memory) } -> std::convertible_to<std::size_t>;
};
template <class C, class T>
concept DecodedBy = requires(std::span<const std::byte> bytes, T& value) { C::decode(bytes, value); };

/// Type and codec of an object: `f64[]@f32`.
template <class C, class T>
struct CodedType {
 private:
  static constexpr std::string_view type = TypeName<Stored<T>>::value;
  static constexpr std::string_view mark{&codec_mark, 1};

 public:
  static constexpr std::string_view codec = C::name;
  static_assert(is_codec_name(codec),
                "a codec's name has to be 1 to 64 letters, digits, '_', '.', '+' or '-'");
  static constexpr std::string_view name = Joined<type, mark, codec>::value;
  static constexpr TypeIdentity identity{name, text_hash(name), codec_reads_raw_bytes<C>()};
};

/// Type-erased functions that write values of one type in one encoding.
struct WritingSteps {
  const TypeIdentity* identity;
  ObjectMeta (*meta)(std::uint32_t store, std::string_view name, const void* value);
  /// Exact size, or an upper bound.
  std::uint64_t (*size)(const void* codec, const void* value);
  std::size_t (*encode)(const void* codec, const void* value, std::span<std::byte> memory);
  bool is_exact;
};

/// Type-erased functions that read values of one type in one encoding.
struct ReadingSteps {
  const TypeIdentity* identity;
  std::shared_ptr<const void> (*decode)(std::span<const std::byte> bytes);
};

template <class C, class T>
struct WrittenBy {
  static_assert(SizedBy<C, T> || BoundedBy<C, T>,
                "locum cannot store this type by this codec, whose `takes` accepts it: it has neither "
                "size(const T&) const nor size_at_most(const T&) const; or let `takes<T>` decline it");
  static_assert(EncodedBy<C, T>,
                "locum cannot store this type by this codec, whose `takes` accepts it: encode(const T&, "
                "std::span<std::byte>) const is missing or does not return how many bytes "
                "it wrote; or let `takes<T>` decline it");

  static ObjectMeta meta(std::uint32_t store, std::string_view name, const void* /*value*/) {
    constexpr const TypeIdentity& identity = CodedType<C, T>::identity;
    return {store, 1, 16, identity.hash, identity.name, name, Layout::encoded, {}};
  }
  static std::uint64_t size(const void* codec, const void* value) {
    if constexpr (SizedBy<C, T>) {
      return static_cast<std::uint64_t>(static_cast<const C*>(codec)->size(*static_cast<const T*>(value)));
    } else if constexpr (BoundedBy<C, T>) {
      return static_cast<std::uint64_t>(
          static_cast<const C*>(codec)->size_at_most(*static_cast<const T*>(value)));
    } else {
      return 0;
    }
  }
  static std::size_t encode(const void* codec, const void* value, std::span<std::byte> memory) {
    if constexpr (EncodedBy<C, T>) {
      return static_cast<std::size_t>(
          static_cast<const C*>(codec)->encode(*static_cast<const T*>(value), memory));
    } else {
      return 0;
    }
  }
  static constexpr WritingSteps steps{&CodedType<C, T>::identity, &meta, &size, &encode, SizedBy<C, T>};
};

/// The library's own encoding, for types that a codec does not handle.
template <class T>
struct WrittenAsEver {
  static ObjectMeta meta(std::uint32_t store, std::string_view name, const void* value) {
    return meta_of(store, name, *static_cast<const T*>(value));
  }
  static std::uint64_t size(const void* /*codec*/, const void* value) {
    return stored_bytes(*static_cast<const T*>(value)).value();
  }
  static std::size_t encode(const void* /*codec*/, const void* value, std::span<std::byte> memory) {
    detail::store_value(*static_cast<const T*>(value), memory).value();
    return memory.size();
  }
  static constexpr WritingSteps steps{&object_identity<T>, &meta, &size, &encode, true};
};

template <class C, class T>
struct ReadBy {
  static_assert(!std::is_unbounded_array_v<T>,
                "locum cannot read these elements in place: a codec decodes them into a separate value. Read "
                "them as a std::vector, or let `takes<T[]>` decline them");
  static_assert(std::is_unbounded_array_v<T> || std::is_default_constructible_v<T>,
                "locum reads into a default-constructed value: give the type a default constructor");
  static_assert(std::is_unbounded_array_v<T> || DecodedBy<C, T>,
                "locum cannot read this type by this codec, whose `takes` accepts it: decode(std::span<const "
                "std::byte>, T&) is missing, or not static: a reader knows the codec's "
                "name and the bytes, and nothing else; or let `takes<T>` decline it");

  static std::shared_ptr<const void> decode(std::span<const std::byte> bytes) {
    if constexpr (DecodedBy<C, T>) {
      auto value = std::make_shared<T>();
      C::decode(bytes, *value);
      return value;
    } else {
      return {};
    }
  }
  static constexpr ReadingSteps steps{&CodedType<C, T>::identity, &decode};
};

/// Decodes an object by a codec, once per process if the value is kept. Checks the type and counts the path.
[[nodiscard]] Result<std::shared_ptr<const void>> read_by_codec(const ReadingSteps& steps,
                                                                SessionState& session,
                                                                const ObjectView& object,
                                                                const DecodedHow& how);

template <class C, class T>
[[nodiscard]] Result<View<T>> read_by(SessionState& session, ObjectView&& object, const DecodedHow& how) {
  check_readable<T>();
  const auto value = read_by_codec(ReadBy<C, T>::steps, session, object, how);
  return value ? Result<View<T>>(View<T>(object.key(), std::static_pointer_cast<const T>(*value)))
               : Result<View<T>>(value.error());
}

/// Returns the encoded size of a value, exact or an upper bound.
[[nodiscard]] Result<std::uint64_t> size_by(const WritingSteps& steps, const void* codec, const void* value);
/// Writes the value and returns the number of bytes written; always all of them if the size is exact.
[[nodiscard]] Result<std::size_t> encode_by(const WritingSteps& steps, const void* codec, const void* value,
                                            std::span<std::byte> memory);

/// Type-erased codec for writing one type, which it may not handle. Refers to the codec.
template <class T>
class EncoderOf {
 public:
  /// Selects the library's own encoding.
  EncoderOf() noexcept : steps_(&WrittenAsEver<T>::steps) {}
  template <Codec C>
  EncoderOf(const C& codec) noexcept : codec_(&codec), steps_(&steps_of<C>()) {}

  [[nodiscard]] const void* codec() const noexcept { return codec_; }
  [[nodiscard]] const WritingSteps& steps() const noexcept { return *steps_; }

 private:
  template <class C>
  static constexpr const WritingSteps& steps_of() noexcept {
    if constexpr (codec_takes<C, T>()) {
      return WrittenBy<C, T>::steps;
    } else {
      return WrittenAsEver<T>::steps;
    }
  }

  const void* codec_ = nullptr;
  const WritingSteps* steps_;
};

/// Returns the metadata of a `T` in that encoding, without store, name and extents.
template <class T>
[[nodiscard]] ObjectMeta encoded_meta(const EncoderOf<T>& by) {
  static_assert(!std::is_unbounded_array_v<T>, "locum: name the type that was put: std::vector<double>");
  constexpr const TypeIdentity& identity = type_identity<T>;
  if (&by.steps() != &WrittenAsEver<T>::steps) {
    return by.steps().meta(0, {}, nullptr);
  }
  if constexpr (FlatRange<T>) {
    return array_meta(0, {}, Extents(0), array_type<ArrayElementOf<T>>);
  } else if constexpr (Flat<T>) {
    return {0, sizeof(T), alignment_of<T>, identity.hash, identity.name, {}, Layout::flat, {}};
  } else {
    return {0, 1, 16, identity.hash, identity.name, {}, Layout::encoded, {}};
  }
}

/// Type-erased codec for reading one type, which it may not handle. Refers to nothing.
template <class T>
class DecoderOf {
 public:
  /// Selects the library's own encoding.
  DecoderOf() noexcept : identity_(&object_identity<T>), read_(&read_view<T>) {}
  template <Codec C>
  DecoderOf(const C& /*codec*/) noexcept : DecoderOf(std::type_identity<C>()) {}
  template <class C>
  explicit DecoderOf(std::type_identity<C> /*codec*/) noexcept {
    if constexpr (codec_takes<C, T>()) {
      identity_ = &CodedType<C, T>::identity;
      read_ = &read_by<C, T>;
    } else {
      *this = DecoderOf();
    }
  }

  [[nodiscard]] const TypeIdentity& identity() const noexcept { return *identity_; }
  [[nodiscard]] Reader<T> reader() const noexcept { return read_; }

 private:
  const TypeIdentity* identity_;
  Reader<T> read_;
};

/// Type-erased codec for a value that is put and then read.
template <class T>
class CoderOf {
 public:
  template <Codec C>
  CoderOf(const C& codec) noexcept : encoder_(codec), decoder_(codec) {
    static_assert(!is_span<T> && !is_instance<T, std::basic_string_view> && !std::is_array_v<T>,
                  "locum makes a proxy of the value that is put, and cannot decode into this type: put a "
                  "std::vector or a std::string");
  }

  [[nodiscard]] const EncoderOf<T>& encoder() const noexcept { return encoder_; }
  [[nodiscard]] const DecoderOf<T>& decoder() const noexcept { return decoder_; }

 private:
  EncoderOf<T> encoder_;
  DecoderOf<T> decoder_;
};

/// Type-erased codec for a value that is put later: keeps a copy of the codec. Also for arrays without codec.
template <class T>
class KeptCoderOf {
 public:
  /// Selects the library's own encoding.
  KeptCoderOf() = default;
  template <Codec C>
  KeptCoderOf(const C& codec) : decoder_(codec) {
    if constexpr (codec_takes<C, T>()) {
      static_assert(!std::is_unbounded_array_v<T>,
                    "locum makes a promise of a type that the codec decodes, and cannot decode into this "
                    "one: promise a std::vector or a std::string");
      static_assert(std::is_copy_constructible_v<C>,
                    "locum keeps a copy of the codec in the promise: make the codec copyable");
      codec_ = std::make_shared<const C>(codec);
      steps_ = &WrittenBy<C, T>::steps;
    }
  }

  /// Returns null for the library's own encoding.
  [[nodiscard]] const WritingSteps* steps() const noexcept { return steps_; }
  [[nodiscard]] const void* codec() const noexcept { return codec_.get(); }
  [[nodiscard]] const DecoderOf<T>& decoder() const noexcept { return decoder_; }

 private:
  std::shared_ptr<const void> codec_;
  const WritingSteps* steps_ = nullptr;
  DecoderOf<T> decoder_;
};

}  // namespace detail

/// The codec by which the object of a handle is read: `runtime.proxy<Mesh>(handle, {.codec = my_codec})`.
/// Only the codec's type matters.
template <class T>
struct Decoding {
  detail::DecoderOf<T> codec;
};

}  // namespace locum
