#include "core/record_archive.hpp"

#include <array>
#include <bit>
#include <new>
#include <string>

#include "core/value/errors.hpp"

namespace locum {

namespace {

static_assert(std::endian::native == std::endian::little, "stored records are little-endian");

constexpr std::uint8_t record_version = 1;
/// Elements of arrays begin at multiples of this, counted from the version.
constexpr std::uint64_t stored_alignment = 16;

enum class RecordTag : std::uint8_t {
  null,
  no,
  yes,
  integer,
  large_integer,
  real,
  complex,
  text,
  bytes,
  array,
  list,
  members,
  stand_in,
};

/// Returns the zeros between `position` and the elements of an array. \param start of the version
std::uint64_t padding_at(std::uint64_t position, std::uint64_t start) {
  return (stored_alignment - (position - start) % stored_alignment) % stored_alignment;
}

Error damaged_stored_record(std::uint64_t position, std::string_view finding) {
  return Error(Errc::corrupt, "at byte " + std::to_string(position) + " of a stored Record, " +
                                  std::string(finding) + "; store it again");
}

/// Writes a Record, or counts its bytes.
template <class Archive>
class RecordWriter {
 public:
  explicit RecordWriter(Archive& out) : out_(out), start_(out.position()) {}

  void write(const Record& record) {
    out_(record_version);
    value(record);
  }

 private:
  void tag(RecordTag tag) { out_(static_cast<std::uint8_t>(tag)); }
  void blob(RecordTag of, std::span<const std::byte> bytes) {
    tag(of);
    out_(std::uint64_t{bytes.size()});
    out_.bytes(bytes.data(), bytes.size());
  }
  void name(std::string_view name) {
    out_(std::uint64_t{name.size()});
    out_.bytes(name.data(), name.size());
  }

  // No deeper than `max_nesting` levels, as no Record is.
  void value(const Record& record) {
    switch (record.kind()) {
      case Record::Kind::null:
        return tag(RecordTag::null);
      case Record::Kind::boolean:
        return tag(record.as<bool>().value() ? RecordTag::yes : RecordTag::no);
      case Record::Kind::integer:
        if (const auto integer = record.as<std::int64_t>()) {
          tag(RecordTag::integer);
          out_(*integer);
        } else {
          tag(RecordTag::large_integer);
          out_(record.as<std::uint64_t>().value());
        }
        return;
      case Record::Kind::real:
        tag(RecordTag::real);
        out_(record.as<double>().value());
        return;
      case Record::Kind::complex: {
        tag(RecordTag::complex);
        const auto complex = record.as<std::complex<double>>().value();
        out_(complex.real(), complex.imag());
        return;
      }
      case Record::Kind::text:
        return blob(RecordTag::text, std::as_bytes(std::span(record.text())));
      case Record::Kind::bytes:
        return blob(RecordTag::bytes, record.bytes());
      case Record::Kind::array:
        return array(record.array());
      case Record::Kind::list:
        tag(RecordTag::list);
        out_(std::uint64_t{record.size()});
        for (const Record& element : record.list()) {
          value(element);
        }
        return;
      case Record::Kind::members:
        tag(RecordTag::members);
        out_(std::uint64_t{record.size()});
        for (const auto& [member, element] : record.members()) {
          name(member);
          value(element);
        }
        return;
      case Record::Kind::stand_in:
        tag(RecordTag::stand_in);
        out_(record.as<RawProxy>().value().handle());
        return;
    }
  }

  void array(const Array& array) {
    const auto known = ElementType::named(array.element().name());
    if (!known || known->bytes() != array.element().bytes()) {
      throw Error(Errc::invalid_argument,
                  "a Record with an array of " + array.element().name() +
                      " cannot be stored: store it as arrays of numbers, or of a flat class");
    }
    tag(RecordTag::array);
    name(array.element().name());
    const auto extents = array.extents().span();
    out_(static_cast<std::uint8_t>(extents.size()));
    for (const std::uint64_t extent : extents) {
      out_(extent);
    }
    constexpr std::array<std::byte, stored_alignment> zeros{};
    out_.bytes(zeros.data(), padding_at(out_.position(), start_));
    if constexpr (std::same_as<Archive, SizeArchive>) {
      out_.bytes(nullptr, array.size_bytes());
    } else {
      const Array packed = array.packed().value();
      out_.bytes(packed.bytes().data(), packed.bytes().size());
    }
  }

  Archive& out_;
  const std::uint64_t start_;
};

/// Reads a Record. \param owner keeps the bytes; none: arrays are copied
class RecordReader {
 public:
  RecordReader(ReadArchive& in, std::shared_ptr<const void> owner)
      : in_(in), start_(in.position()), owner_(std::move(owner)) {}

  Record read() {
    if (next<std::uint8_t>() != record_version) {
      throw damaged_stored_record(0, "the version is unknown to this version of locum");
    }
    return value(0);
  }

 private:
  template <class T>
  T next() {
    T number;
    in_(number);
    return number;
  }
  [[nodiscard]] Error damage(std::string_view finding) const {
    return damaged_stored_record(in_.position() - start_, finding);
  }
  std::string_view text() {
    const auto bytes = in_.take(in_.length(1));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  Record value(std::size_t depth) {
    const auto tag = static_cast<RecordTag>(next<std::uint8_t>());
    switch (tag) {
      case RecordTag::null:
        return {};
      case RecordTag::no:
        return false;
      case RecordTag::yes:
        return true;
      case RecordTag::integer:
        return next<std::int64_t>();
      case RecordTag::large_integer: {
        const auto integer = next<std::uint64_t>();
        if (integer >> 63U == 0) {
          throw damage("a large integer is small");
        }
        return integer;
      }
      case RecordTag::real:
        return next<double>();
      case RecordTag::complex: {
        const auto real = next<double>();
        return std::complex<double>(real, next<double>());
      }
      case RecordTag::text:
        return text();
      case RecordTag::bytes: {
        const auto bytes = in_.take(in_.length(1));
        return Record::Bytes(bytes.begin(), bytes.end());
      }
      case RecordTag::array:
        return array();
      case RecordTag::list:
        return list(depth);
      case RecordTag::members:
        return members(depth);
      case RecordTag::stand_in: {
        const auto handle = next<Handle>();
        return handle == RawProxy().handle() ? RawProxy()
                                             : RawProxy(detail::origin_of(in_.session(), handle));
      }
    }
    throw damage("there is an unknown tag");
  }

  void check_depth(std::size_t depth) const {
    if (depth == max_nesting) {
      throw damage("values nest deeper than " + std::to_string(max_nesting) + " levels");
    }
  }

  // Lists and members grow one by one: a damaged length takes no memory that the bytes do not justify.
  Record list(std::size_t depth) {
    check_depth(depth);
    Record::List values;
    for (std::size_t left = in_.length(1); left > 0; --left) {
      values.push_back(value(depth + 1));
    }
    return Record::list(std::move(values));
  }

  Record members(std::size_t depth) {
    check_depth(depth);
    constexpr std::size_t least_bytes = sizeof(std::uint64_t) + 1;  // of a name and a value
    RecordMembers members;
    for (std::size_t left = in_.length(least_bytes); left > 0; --left) {
      const std::string_view name = text();
      if (members.find(name) != nullptr) {
        throw damage("two members have the same name");
      }
      members.set(name, value(depth + 1));
    }
    return members;
  }

  Record array() {
    const auto element = ElementType::named(text());
    if (!element) {
      throw damage("an array has elements of no type");
    }
    Extents extents;
    const auto rank = next<std::uint8_t>();
    if (rank > max_rank) {
      throw damage("an array has more than " + std::to_string(max_rank) + " extents");
    }
    for (extents.rank = 0; extents.rank < rank;) {
      extents.values[extents.rank++] = next<std::uint64_t>();
    }
    for (const std::byte zero : in_.take(static_cast<std::size_t>(padding_at(in_.position(), start_)))) {
      if (zero != std::byte{0}) {
        throw damage("there is something in front of the elements of an array");
      }
    }
    const auto size_bytes = detail::array_bytes(extents, detail::RuntimeArrayType(*element, rank == 0));
    if (!size_bytes || *size_bytes > in_.left()) {
      throw damage("an array has larger extents than there are elements");
    }
    const auto bytes = in_.take(static_cast<std::size_t>(*size_bytes));
    const ConstRawArray shown(bytes, *element, extents);
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % stored_alignment == 0;
    return owner_ && is_aligned ? Array(owner_, shown) : Array::copy_of(shown).value();
  }

  ReadArchive& in_;
  const std::uint64_t start_;
  const std::shared_ptr<const void> owner_;
};

}  // namespace

void Serializer<Record>::save(SizeArchive& out, const Record& record) {
  RecordWriter(out).write(record);
}

void Serializer<Record>::save(WriteArchive& out, const Record& record) {
  RecordWriter(out).write(record);
}

void Serializer<Record>::load(ReadArchive& in, Record& record) {
  record = RecordReader(in, nullptr).read();
}

Result<Record> Serializer<Record>::in_place(const std::shared_ptr<const void>& owner,
                                            std::span<const std::byte> bytes,
                                            const std::weak_ptr<detail::SessionState>& session) {
  return decode_record(owner, bytes, session);
}

Result<Record> decode_record(const std::shared_ptr<const void>& owner, std::span<const std::byte> bytes,
                             const std::weak_ptr<detail::SessionState>& session) {
  try {
    ReadArchive in(bytes, session);
    Record record = RecordReader(in, owner).read();
    return in.left() == 0 ? Result<Record>(std::move(record))
                          : damaged_stored_record(in.position(), "more bytes follow than there should be");
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return process_memory_used_up();
  }
}

}  // namespace locum
