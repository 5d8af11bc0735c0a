#include "transport/storage/zarr/steps/step_array.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/array.hpp"
#include "core/value/extents_text.hpp"
#include "transport/storage/zarr/data_type.hpp"
#include "transport/storage/zarr/steps/step_layout.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum::storage {

namespace {

/// A box that is larger is cut into several chunks.
constexpr std::uint64_t largest_step_chunk = std::uint64_t{64} << 20U;
constexpr const char* to_hdf5 = ", or write the stream to HDF5 (a path that ends in .h5)";

Extents followed_by(const Extents& outer, std::span<const std::uint64_t> inner) {
  Extents all = outer;
  for (const std::uint64_t extent : inner) {
    all.values[all.rank++] = extent;
  }
  return all;
}

/// Returns the number of elements; none: it overflows.
std::optional<std::uint64_t> elements_of(const Extents& extents) {
  std::uint64_t product = 1;
  for (const std::uint64_t extent : extents.span()) {
    if (__builtin_mul_overflow(product, extent, &product)) {
      return std::nullopt;
    }
  }
  return product;
}

/// Returns whether the array is cut into boxes like this one by all writers, as far as one of them can tell.
bool has_equal_boxes(const StepBox& box, std::uint64_t writers) {
  std::uint64_t boxes = 1;
  for (std::size_t at = 0; at < box.shape.size(); ++at) {
    const std::uint64_t count = box.count[at];
    if (count == 0 || box.shape[at] % count != 0 || box.start[at] % count != 0) {
      return false;
    }
    boxes *= box.shape[at] / count;
  }
  return boxes % std::max<std::uint64_t>(writers, 1) == 0;
}

std::uint64_t smallest_factor(std::uint64_t number) {
  for (std::uint64_t factor = 2; factor <= number / factor; ++factor) {
    if (number % factor == 0) {
      return factor;
    }
  }
  return number;
}

/// Returns the extents of a box, or of parts of these that are equal.
Extents chunk_of_box(Extents count, std::uint64_t element_bytes) {
  std::uint64_t bytes = elements_of(count).value_or(0) * element_bytes;
  for (std::size_t at = 0; at < count.size(); ++at) {
    while (bytes > largest_step_chunk && count[at] > 1) {
      const std::uint64_t factor = smallest_factor(count[at]);
      count.values[at] /= factor;
      bytes /= factor;
    }
  }
  return count;
}

/// Returns what elements are that nobody writes: NaN, the least integer with a sign, the largest one without;
/// false.
Result<Array> fill_of_steps(const ElementType& element) {
  auto draft = ArrayDraft::make(element, Extents(1));
  if (!draft) {
    return draft.error();
  }
  const std::span<std::byte> bytes = draft->bytes();
  std::ranges::fill(bytes, std::byte{0});
  const std::string& name = element.name();
  if (name == "f32" || name == "c64") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t at = 0; at < bytes.size(); at += sizeof nan) {
      std::memcpy(bytes.data() + at, &nan, sizeof nan);
    }
  } else if (name == "f64" || name == "c128") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t at = 0; at < bytes.size(); at += sizeof nan) {
      std::memcpy(bytes.data() + at, &nan, sizeof nan);
    }
  } else if (name.front() == 'u') {
    std::ranges::fill(bytes, std::byte{0xFF});
  } else if (name.front() == 'i') {
    bytes[std::endian::native == std::endian::little ? bytes.size() - 1 : 0] = std::byte{0x80};
  }
  return std::move(*draft).finish();
}

/// Returns names of dimensions, which are equal where these have equal extents and places, so that programs
/// that know dimensions by name (xarray) may combine the variables.
std::vector<std::string> dimension_names_of(const Extents& shape) {
  std::vector<std::string> names{"step"};
  for (std::size_t at = 0; at < shape.size(); ++at) {
    names.push_back("dim" + std::to_string(at) + "_" + std::to_string(shape[at]));
  }
  return names;
}

Result<void> check_same(const ZarrArray& array, const StepBox& box) {
  const Extents there = array.shape();
  Extents shape;
  for (std::size_t at = 1; at < there.size(); ++at) {
    shape.values[shape.rank++] = there[at];
  }
  if (there.size() == 0 || !(shape == box.shape)) {
    return Error(Errc::invalid_argument,
                 "it has the extents " + extents_text(box.shape) +
                     ", and in an earlier step, or on "
                     "another rank, " +
                     extents_text(shape) +
                     "; steps in a group of Zarr keep the extents of their variables: give it another name" +
                     to_hdf5);
  }
  if (!(array.element() == box.element)) {
    return Error(Errc::invalid_argument,
                 "its elements are " + box.element.name() + ", and in an earlier step, or on another rank, " +
                     array.element().name() +
                     "; steps in a group of Zarr keep the types of their variables: give it another name" +
                     to_hdf5);
  }
  return {};
}

/// Makes a file of metadata if there is none; else leaves it. Others may do so at the same time.
Result<void> make_metadata(const ZarrPlace& place, const MetadataFile& file) {
  bool is_there = false;
  auto made = place.area->update(
      {.folder = place.path, .name = file.path},
      [&](AreaFile* there, FileDraft& into) -> Result<void> {
        is_there = there != nullptr;
        return is_there ? Result<void>(Error(Errc::key_exists, "the array is there"))
                        : into.write(std::as_bytes(std::span(file.text)));
      },
      std::chrono::minutes(10));
  return made || is_there ? Result<void>() : made;
}

Result<void> make_groups(const ZarrPlace& group, const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const ZarrPlace place{group.area, name.substr(0, slash)};
    const auto files = write_zarr_group({});
    if (!files) {
      return files.error();
    }
    const auto texts = zarr_texts(place);
    if (!texts) {
      return texts.error();
    }
    if (texts->are_there() && !texts->is_group()) {
      return Error(Errc::invalid_argument, "there is a variable '" + place.path +
                                               "', below which there can be none; rename one of them");
    }
    auto made = texts->are_there() ? Result<void>() : place.area->make_folders(place.path);
    made = made && !texts->are_there() ? make_metadata(place, files->front()) : std::move(made);
    if (!made) {
      return made;
    }
  }
  return {};
}

Result<void> make_step_array(const ZarrPlace& group, const StepBox& box, std::uint64_t writers) {
  auto fill = fill_of_steps(box.element);
  if (!fill) {
    return fill.error();
  }
  const bool is_equal = has_equal_boxes(box, writers);
  const Extents chunk = is_equal ? chunk_of_box(box.count, box.element.bytes())
                                 : usual_zarr_chunks(box.shape, box.element.bytes());
  ZarrLayout layout;
  layout.type = box.element;
  layout.shape = followed_by(Extents(0), box.shape.span());
  layout.chunks = followed_by(Extents(1), chunk.span());
  layout.fill = std::move(*fill);
  layout.dimensions = dimension_names_of(box.shape);
  const ZarrPlace place{group.area, box.name};
  const auto begun = detail::begin_zarr(place, box.name, layout);
  if (!begun) {
    return begun.error().code() == Errc::key_exists ? Result<void>() : begun.error();
  }
  const auto files = write_zarr(begun->state()->now()->metadata);
  if (!files) {
    return files.error();
  }
  auto made = make_groups(group, box.name);
  made = made ? place.area->make_folders(place.path) : std::move(made);
  return made ? make_metadata(place, files->front()) : made;
}

}  // namespace

Hyperslab StepBox::slab(std::uint64_t step) const {
  return {.start = followed_by(Extents(step), start.span()), .count = followed_by(Extents(1), count.span())};
}

Result<StepBox> step_box(const detail::VariableRecord& variable, const detail::BlockRecord& block,
                         const ObjectFacts& facts) {
  const auto unsupported = [](const std::string& what, const std::string& advice) {
    return Error(Errc::unsupported, what + "; " + advice + to_hdf5);
  };
  for (std::size_t begin = 0; begin <= variable.name.size();) {
    const std::size_t end = std::min(variable.name.find('/', begin), variable.name.size());
    const std::string_view part = std::string_view(variable.name).substr(begin, end - begin);
    const bool has_control = std::ranges::any_of(part, [](char sign) {
      return static_cast<unsigned char>(sign) < 0x20 || static_cast<unsigned char>(sign) > 0x7E;
    });
    if (part.empty() || part.starts_with('.') || part.starts_with("__") || part == "zarr.json" ||
        has_control) {
      return unsupported(
          "a group of Zarr has no variables of this name",
          "give it one of ASCII letters, whose parts between slashes are not empty, begin with "
          "neither \".\" nor \"__\", and are not \"zarr.json\"");
    }
    begin = end + 1;
  }
  std::string_view type = facts.type_name;
  const bool is_array = facts.layout == Layout::array && type.ends_with("[]");
  if (is_array) {
    type.remove_suffix(2);
  }
  const auto element = is_array || facts.layout == Layout::flat ? ElementType::named(type)
                                                                : Result<ElementType>(no_element_type());
  if (!element || !zarr_v3_name_of({.element = *element})) {
    return unsupported(
        "it is " + std::string(facts.type_name) + ", and a group of Zarr holds numbers and arrays of numbers",
        "leave it out of this stream");
  }
  const auto given = facts.extents.span();
  const std::size_t rank = block.rank;
  if (given.size() < rank || given.size() + 1 > max_rank) {
    return unsupported("it has " + std::to_string(given.size()) + " dimensions, and with that of the steps " +
                           std::to_string(max_rank) + " are the most",
                       "put two of them together");
  }
  StepBox box{.name = variable.name, .element = *element, .shape = {}, .start = {}, .count = facts.extents};
  const auto inner = given.subspan(rank);
  box.shape = followed_by({}, variable.shape.empty() ? given.first(rank) : std::span(variable.shape));
  box.shape = followed_by(box.shape, inner);
  box.start = followed_by({}, std::span(block.start).first(rank));
  for (std::size_t at = 0; at < inner.size(); ++at) {
    box.start.values[box.start.rank++] = 0;
  }
  return box.shape.size() == box.count.size()
             ? Result<StepBox>(std::move(box))
             : Error(Errc::corrupt, "its block has another number of dimensions than its array");
}

Result<void> check_step_array(const ZarrPlace& group, const StepBox& box) {
  const auto array = open_step_array(group, box.name);
  return array                                     ? check_same(*array, box)
         : array.error().code() == Errc::not_found ? Result<void>()
                                                   : array.error();
}

Result<ZarrArray> open_step_array(const ZarrPlace& group, const std::string& name) {
  return detail::open_zarr({group.area, name}, name);
}

// Elements behind the last step, as ZarrArray::append() writes them: the array grows when all ranks have
// written theirs. Several ranks change one file only where their boxes cut its chunk.
Result<void> write_step_box(const ZarrPlace& group, std::uint64_t step, const StepBox& box,
                            std::span<const std::byte> bytes, std::uint64_t writers) {
  auto array = open_step_array(group, box.name);
  if (!array && array.error().code() == Errc::not_found) {
    if (auto made = make_step_array(group, box, writers); !made) {
      return made;
    }
    array = open_step_array(group, box.name);
  }
  auto same = array ? check_same(*array, box) : Result<void>(array.error());
  if (!same || bytes.empty()) {
    return same;
  }
  auto grown = array->state()->now()->metadata;
  grown.shape.values[0] = std::max(grown.shape[0], step + 1);
  const Hyperslab slab = box.slab(step);
  bool cuts_chunks = false;
  for (std::size_t at = 1; at < grown.shape.size(); ++at) {
    const std::uint64_t end = slab.start[at] + slab.count[at];
    cuts_chunks = cuts_chunks || slab.start[at] % grown.chunk[at] != 0 ||
                  (end % grown.chunk[at] != 0 && end != grown.shape[at]);
  }
  const ZarrArray written(
      std::make_shared<detail::ZarrState>(ZarrPlace{group.area, box.name, nullptr}, std::move(grown)));
  return written.write(ConstRawArray(bytes, box.element, slab.count), slab.start,
                       {.partial = cuts_chunks ? PartialFiles::read_modify_write : PartialFiles::refuse});
}

}  // namespace locum::storage
