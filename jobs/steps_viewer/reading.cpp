#include "jobs/steps_viewer/reading.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>

#include "jobs/steps_viewer/element.hpp"

namespace steps_viewer {
namespace {

/// Calls `function` with the C++ type of that name. REQUIRES: ElementName::can_be_shown().
template <class Function>
auto with_number(const std::string& name, const Function& function) {
  return name == "f64"    ? function.template operator()<double>()
         : name == "f32"  ? function.template operator()<float>()
         : name == "i64"  ? function.template operator()<std::int64_t>()
         : name == "u64"  ? function.template operator()<std::uint64_t>()
         : name == "i32"  ? function.template operator()<std::int32_t>()
         : name == "u32"  ? function.template operator()<std::uint32_t>()
         : name == "i16"  ? function.template operator()<std::int16_t>()
         : name == "u16"  ? function.template operator()<std::uint16_t>()
         : name == "i8"   ? function.template operator()<std::int8_t>()
         : name == "u8"   ? function.template operator()<std::uint8_t>()
         : name == "byte" ? function.template operator()<std::byte>()
         : name == "bool" ? function.template operator()<bool>()
                          : function.template operator()<char>();
}
template <class T, class Function>
auto with_vector(std::uint64_t length, const Function& function) {
  return length == 2   ? function.template operator()<std::array<T, 2>>()
         : length == 3 ? function.template operator()<std::array<T, 3>>()
         : length == 4 ? function.template operator()<std::array<T, 4>>()
         : length == 6 ? function.template operator()<std::array<T, 6>>()
                       : function.template operator()<std::array<T, 9>>();
}
template <class Function>
auto with_element(const ElementName& name, const Function& function) {
  if (name.inner.empty()) {
    return with_number(name.element, function);
  }
  return name.element == "f64" ? with_vector<double>(name.inner.front(), function)
                               : with_vector<float>(name.inner.front(), function);
}

template <class T>
struct NumberOf {
  using Type = T;
};
template <class T, std::size_t N>
struct NumberOf<std::array<T, N>> {
  using Type = T;
};

/// Memory for elements that are numbers, or arrays of them.
template <class T>
struct Memory {
  using Number = typename NumberOf<T>::Type;

  explicit Memory(std::size_t elements)
      : numbers(std::make_shared<Number[]>(elements * sizeof(T) / sizeof(Number))),
        span(reinterpret_cast<T*>(numbers.get()), elements) {}

  Values values(std::vector<std::uint64_t> extents) const {
    if constexpr (!std::is_same_v<T, Number>) {
      extents.push_back(sizeof(T) / sizeof(Number));
    }
    return {std::move(extents), Values::Array<Number>(numbers)};
  }

  std::shared_ptr<Number[]> numbers;
  std::span<T> span;
};

/// The first dimensions of a box.
locum::Hyperslab slab_of(const Box& box, std::size_t rank) {
  locum::Extents start;
  locum::Hyperslab slab;
  start.rank = slab.count.rank = slab.stride.rank = static_cast<std::uint8_t>(rank);
  for (std::size_t at = 0; at < rank; ++at) {
    start.values[at] = box[at].start;
    slab.count.values[at] = box[at].count;
    slab.stride.values[at] = box[at].stride;
  }
  slab.start = start;
  return slab;
}

/// A block as it is in memory: a type is no part of the call, which would be compiled for each.
struct BlockBytes {
  locum::View<std::byte[]> bytes;
  std::vector<std::uint64_t> extents;  ///< empty of a single value

  template <class T>
  Values values() const {
    const Memory<T> memory(bytes.size() / sizeof(T));
    std::ranges::copy(bytes.span().first(memory.span.size_bytes()),
                      std::as_writable_bytes(memory.span).begin());
    return memory.values(extents);
  }
};

BlockBytes read_block(const locum::InputStep& step, const locum::Variable& variable, int writer) {
  BlockBytes block{step.get_bytes(variable.name, {.writer = writer}).value(), {}};
  const auto all = step.blocks(variable.name).value();
  const auto own = std::ranges::find(all, writer, &locum::StepBlock::writer);
  if (own != all.end()) {
    block.extents.assign(own->count.span().begin(), own->count.span().end());
  }
  return block;
}

}  // namespace

VariableKind kind_of(const locum::Variable& variable) {
  const ElementName name = ElementName::parse(variable.type);
  return !name.can_be_shown()         ? VariableKind::opaque
         : variable.shape.size() != 0 ? VariableKind::global_array
         : name.is_array              ? VariableKind::local_array
                                      : VariableKind::value;
}

std::vector<std::uint64_t> shape_of(const locum::Variable& variable) {
  std::vector<std::uint64_t> shape(variable.shape.span().begin(), variable.shape.span().end());
  std::ranges::copy(ElementName::parse(variable.type).inner, std::back_inserter(shape));
  return shape;
}

Values read_box(const locum::InputStep& step, const locum::Variable& variable, const Box& box) {
  const locum::Hyperslab slab = slab_of(box, variable.shape.size());
  std::vector<std::uint64_t> extents(slab.count.span().begin(), slab.count.span().end());
  std::size_t elements = 1;
  for (const std::uint64_t extent : extents) {
    elements *= static_cast<std::size_t>(extent);
  }
  const Values values = with_element(ElementName::parse(variable.type), [&]<class T>() {
    const Memory<T> memory(elements);
    if (elements != 0) {
      (void)step.read<T>(variable.name, memory.span, slab).value();
    }
    return memory.values(extents);
  });
  if (box.size() == variable.shape.size()) {
    return values;
  }
  const Range& inner = box.back();
  return values.selected(inner.start, inner.count, inner.stride);
}

std::vector<WriterBlock> read_blocks(const locum::InputStep& step, const locum::Variable& variable, int ranks,
                                     std::optional<int> writer) {
  const ElementName name = ElementName::parse(variable.type);
  std::vector<WriterBlock> blocks;
  for (int at = writer.value_or(0); at < ranks && blocks.size() < (writer ? 1 : variable.blocks); ++at) {
    try {
      const BlockBytes block = read_block(step, variable, at);
      blocks.push_back({at, with_element(name, [&]<class T>() { return block.values<T>(); })});
    } catch (const locum::Error& error) {
      if (writer || error.code() != locum::Errc::not_found) {
        throw;
      }
    }
  }
  return blocks;
}

}  // namespace steps_viewer
