#include "transport/storage/formats/npy/npy_column.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "core/object/copy_runs.hpp"
#include "transport/storage/formats/npy/half_column.hpp"
#include "transport/storage/formats/npy/text_column.hpp"

namespace locum::storage {

namespace {

template <class Unsigned>
void swap_npy_numbers(std::span<std::byte> bytes) {
  for (std::size_t at = 0; at + sizeof(Unsigned) <= bytes.size(); at += sizeof(Unsigned)) {
    Unsigned number;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    if constexpr (sizeof number == 2) {
      number = __builtin_bswap16(number);
    } else if constexpr (sizeof number == 4) {
      number = __builtin_bswap32(number);
    } else {
      number = __builtin_bswap64(number);
    }
    std::memcpy(bytes.data() + at, &number, sizeof number);
  }
}

/// The fields of a structured type, each a column.
class NpyFieldsColumn final : public NpyColumn {
 public:
  void add(const NpyField& field, std::unique_ptr<NpyColumn> column) {
    fields_.push_back({field.name, field.offset, field.type.bytes, field.count, std::move(column)});
  }

  [[nodiscard]] Result<void> take(const std::byte* first, std::uint64_t stride,
                                  std::uint64_t count) override {
    for (const Field& field : fields_) {
      const std::byte* at = first + field.offset;
      if (field.count == 0) {
        continue;
      }
      if (field.count == 1) {
        if (auto taken = field.column->take(at, stride, count); !taken) {
          return taken;
        }
        continue;
      }
      for (std::uint64_t done = 0; done < count; ++done, at += stride) {
        if (auto taken = field.column->take(at, field.bytes, field.count); !taken) {
          return taken;
        }
      }
    }
    return {};
  }
  [[nodiscard]] Result<Record> finish() override {
    Record values = Record::members({});
    for (const Field& field : fields_) {
      auto value = field.column->finish();
      if (!value) {
        return value;
      }
      values.set(field.name, std::move(*value));
    }
    return values;
  }

 private:
  struct Field {
    std::string name;
    std::uint64_t offset;
    std::uint64_t bytes;  ///< of one element of the field
    std::uint64_t count;  ///< of these, in one element of the structured type
    std::unique_ptr<NpyColumn> column;
  };

  std::vector<Field> fields_;
};

Error unsupported_npy_type(const std::string& name) {
  const std::string reason =
      name == "object"
          ? "pickled objects of Python, which only Python can load, by running what they say; save "
            "them as arrays of numbers or of texts"
          : "of NumPy's type " + name + ", which arrays here do not have; save them as another type";
  return Error(Errc::unsupported, "the elements are " + reason);
}

Error needs_npy_option(const std::string& name, const std::string& option, const std::string& what) {
  return Error(Errc::unsupported, "the elements are of NumPy's type " + name +
                                      ", which arrays here do not have; give the option " + option +
                                      " to load " + what);
}

Result<std::unique_ptr<NpyColumn>> make_npy_array_column(const NpyType& type, std::string_view element,
                                                         const NpyShape& shape, const MakeArray& make) {
  auto made = NpyArrayColumn::make(type, ElementType::named(element).value(), shape, make);
  return made ? Result<std::unique_ptr<NpyColumn>>(std::unique_ptr<NpyColumn>(std::move(*made)))
              : made.error();
}

Result<std::unique_ptr<NpyColumn>> make_npy_fields_column(const NpyType& type, const NpyShape& shape,
                                                          std::uint64_t& budget, const NpyOptions& options,
                                                          const MakeArray& make) {
  auto made = std::make_unique<NpyFieldsColumn>();
  for (const NpyField& field : type.fields) {
    NpyShape inner = shape;
    inner.extents.insert(inner.extents.end(), field.extents.begin(), field.extents.end());
    auto column = make_npy_column(field.type, std::move(inner), budget, options, make);
    if (!column) {
      const Error& error = column.error();
      return Error(error.code(), "in field '" + field.name + "': " + error.text(), error.detail());
    }
    made->add(field, std::move(*column));
  }
  return Result<std::unique_ptr<NpyColumn>>(std::unique_ptr<NpyColumn>(std::move(made)));
}

}  // namespace

Array npy_array_over(std::shared_ptr<const void> owner, const std::byte* first, const ElementType& element,
                     const NpyShape& shape) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(shape.extents.size());
  std::ranges::copy(shape.extents, extents.values.begin());
  // Extents of 0 make strides that nobody uses; these may wrap.
  std::array<std::int64_t, max_rank> strides{};
  std::uint64_t stride = element.bytes();
  const auto pass = [&](std::size_t dimension) {
    strides[dimension] = static_cast<std::int64_t>(stride);
    stride *= extents[dimension];
  };
  for (std::size_t at = extents.size(); at-- > shape.reversed;) {
    pass(at);
  }
  for (std::size_t at = 0; at < shape.reversed; ++at) {
    pass(at);
  }
  return {std::move(owner), ConstRawArray(first, element, extents, std::span(strides).first(extents.size()))};
}

Result<void> check_npy_bools(std::span<const std::byte> elements, std::uint64_t before) {
  const auto wrong = std::ranges::find_if(elements, [](std::byte byte) { return byte > std::byte{1}; });
  if (wrong == elements.end()) {
    return {};
  }
  const auto at = before + static_cast<std::uint64_t>(wrong - elements.begin());
  return Error(Errc::corrupt,
               "element " + std::to_string(at) + " (counted from 0, as they lie in the file) is " +
                   std::to_string(std::to_integer<unsigned>(*wrong)) +
                   ", but elements of bool are 0 or 1; load the array in NumPy, and save it as uint8");
}

Result<std::unique_ptr<NpyArrayColumn>> NpyArrayColumn::make(const NpyType& type, const ElementType& element,
                                                             const NpyShape& shape, const MakeArray& make) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(shape.extents.size());
  std::ranges::copy(shape.extents, extents.values.begin());
  std::reverse(extents.values.begin(), extents.values.begin() + static_cast<std::ptrdiff_t>(shape.reversed));
  auto draft = make(element, extents);
  if (!draft) {
    return draft.error();
  }
  const auto bytes = npy_product(shape.extents, element.bytes());
  if (!bytes || *bytes != draft->bytes().size()) {
    return Error(Errc::invalid_argument, "the memory made for the array has " +
                                             std::to_string(draft->bytes().size()) +
                                             " bytes, which is not the size of its elements");
  }
  return std::make_unique<NpyArrayColumn>(std::move(*draft), type, shape);
}

bool NpyArrayColumn::is_raw() const noexcept {
  return swapped_bytes_ == 1 && draft_.element().name() != "bool";
}

Result<void> NpyArrayColumn::settle(std::uint64_t bytes) {
  const std::span<std::byte> next = draft_.bytes().subspan(settled_, bytes);
  const std::uint64_t before = settled_;
  settled_ += bytes;
  switch (swapped_bytes_) {
    case 2:
      swap_npy_numbers<std::uint16_t>(next);
      break;
    case 4:
      swap_npy_numbers<std::uint32_t>(next);
      break;
    case 8:
      swap_npy_numbers<std::uint64_t>(next);
      break;
    default:
      break;
  }
  return draft_.element().name() == "bool" ? check_npy_bools(next, before) : Result<void>();
}

Result<void> NpyArrayColumn::take(const std::byte* first, std::uint64_t stride, std::uint64_t count) {
  const auto run = static_cast<std::int64_t>(element_bytes_);
  copy_runs(draft_.bytes().data() + settled_, run, first, static_cast<std::int64_t>(stride), element_bytes_,
            count);
  return settle(element_bytes_ * count);
}

Result<Record> NpyArrayColumn::finish() {
  const Array array = std::move(draft_).finish();
  if (shape_.reversed < 2) {
    return Record(array);
  }
  return Record(npy_array_over(array.owner(), array.data(), array.element(), shape_));
}

Result<std::unique_ptr<NpyColumn>> make_npy_column(const NpyType& type, NpyShape shape, std::uint64_t& budget,
                                                   const NpyOptions& options, const MakeArray& make) {
  const auto elements = npy_product(shape.extents, 1);
  if (!elements) {
    return elements.error();
  }
  const std::uint64_t without_bytes = type.bytes == 0 ? *elements : 0;
  if (without_bytes > budget) {
    return Error(Errc::corrupt,
                 "the shape of the array has " + std::to_string(without_bytes) +
                     " elements of 0 bytes, more than the file has bytes; the file is damaged, "
                     "or made to do harm");
  }
  budget -= without_bytes;
  switch (type.kind) {
    case NpyType::Kind::number:
      return make_npy_array_column(type, type.element.name(), shape, make);
    case NpyType::Kind::time:
      return options.times_as_i64 ? make_npy_array_column(type, "i64", shape, make)
                                  : needs_npy_option(type.name, "times = \"i64\"",
                                                     "the integers they are, without their unit");
    case NpyType::Kind::half:
      return options.half_as_f32 ? make_half_column(type, shape, make)
                                 : needs_npy_option(type.name, "half = \"f32\"", "the same values as f32");
    case NpyType::Kind::bytes:
    case NpyType::Kind::text:
      return make_text_column(type, std::move(shape), budget);
    case NpyType::Kind::fields:
      return make_npy_fields_column(type, shape, budget, options, make);
    case NpyType::Kind::other:
      break;
  }
  return unsupported_npy_type(type.name);
}

}  // namespace locum::storage
