#include "transport/storage/zarr/steps/step_part_reader.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/raw_array.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/steps/step_array.hpp"
#include "transport/storage/zarr/steps/step_layout.hpp"

namespace locum::storage {

namespace {

/// Between two looks whether the reading is to stop.
constexpr std::uint64_t bytes_of_piece = std::uint64_t{64} << 20U;

/// "7/fields/T": a variable of a step, as FilePart::dataset names it.
struct StepVariable {
  std::uint64_t step = 0;
  std::string name;
};

Result<StepVariable> step_variable_of(std::string_view dataset) {
  StepVariable found;
  const std::size_t slash = dataset.find('/');
  const auto read =
      std::from_chars(dataset.data(), dataset.data() + std::min(slash, dataset.size()), found.step);
  if (slash == dataset.npos || read.ec != std::errc() || read.ptr != dataset.data() + slash ||
      !is_below_group(dataset.substr(slash + 1))) {
    return Error(Errc::corrupt, "this is no variable of a step").about(dataset);
  }
  found.name = dataset.substr(slash + 1);
  return found;
}

std::uint64_t product_of_extents(const std::vector<std::uint64_t>& numbers) {
  std::uint64_t product = 1;
  for (const std::uint64_t number : numbers) {
    product *= number;
  }
  return product;
}

}  // namespace

Result<FilePart> part_of_step(const ZarrPlace& group, std::uint64_t step, const AreaFacts& record,
                              const std::string& variable, const ZarrMetadata& array,
                              const detail::BlockRecord& block) {
  const auto damaged = [&](const char* what) {
    return about_step_variable(variable, Error(Errc::corrupt, what).about(group.area->name()));
  };
  const std::size_t rank = array.shape.size() - std::min<std::size_t>(array.shape.size(), 1);
  if (array.shape.size() == 0 || block.rank > rank || step >= array.shape[0]) {
    return damaged("a block of the step does not lie in its array");
  }
  FilePart part;
  part.path = group.area->name();
  part.bytes_in = part.path;
  part.dataset = std::to_string(step) + '/' + variable;
  part.element_bytes = array.element.bytes();
  part.file_bytes = record.size_bytes;
  part.changed_ns = record.changed_ns;
  const bool is_number = rank == 0;
  part.type = array.element.name() + (is_number ? "" : "[]");
  part.layout = static_cast<std::uint8_t>(is_number ? Layout::flat : Layout::array);
  std::uint64_t bytes = part.element_bytes;
  for (std::size_t at = 0; at < rank; ++at) {
    const std::uint64_t extent = array.shape[at + 1];
    const std::uint64_t start = at < block.rank ? block.start[at] : 0;
    const std::uint64_t count = at < block.rank ? block.count[at] : extent;
    if (start > extent || count > extent - start || __builtin_mul_overflow(bytes, count, &bytes)) {
      return damaged("a block of the step does not lie in its array");
    }
    part.extents.push_back(extent);
    part.start.push_back(start);
    part.count.push_back(count);
    part.stride.push_back(1);
  }
  if (is_number) {
    part.extents = part.count = part.stride = {1};
    part.start = {0};
  }
  return bytes == block.size_bytes ? Result<FilePart>(std::move(part))
                                   : damaged("the size of a block of the step is not that of its elements");
}

Result<void> ZarrPartReader::read(const FilePart& part, std::span<std::byte> into, const Stopped& stopped) {
  return format_call([&]() -> Result<void> {
    const auto of = step_variable_of(part.dataset);
    const auto group = of ? open_zarr_steps(part.path) : Result<ZarrPlace>(of.error());
    if (!group) {
      return group.error();
    }
    const auto record = group->area->facts(zarr_step_record_path(of->step));
    if (!record || record->size_bytes != part.file_bytes || record->changed_ns != part.changed_ns) {
      return Error(Errc::stale, "the steps were replaced since the reader found them; open them again")
          .about(part.path);
    }
    const auto array = open_step_array(*group, of->name);
    if (!array) {
      return about_step_variable(of->name, array.error());
    }
    StepBox box{.name = of->name, .element = array->element(), .shape = {}, .start = {}, .count = {}};
    if (array->shape().size() > 1) {
      for (std::size_t at = 0; at < std::min(part.count.size(), max_rank - 1); ++at) {
        box.start.values[box.start.rank++] = part.start[at];
        box.count.values[box.count.rank++] = part.count[at];
      }
    }
    const std::uint64_t rows = box.count.size() == 0 ? 1 : box.count[0];
    const std::uint64_t row_bytes = rows == 0 ? 0 : into.size() / rows;
    if (product_of_extents(part.count) * part.element_bytes != into.size() || into.empty()) {
      return into.empty()
                 ? Result<void>()
                 : Error(Errc::corrupt, "the block has another size than its memory").about(part.path);
    }
    const std::uint64_t of_chunk = box.count.size() == 0 ? 1 : array->chunks()[1];
    const std::uint64_t at_once =
        std::max<std::uint64_t>(bytes_of_piece / row_bytes / of_chunk, 1) * of_chunk;
    for (std::uint64_t row = 0; row < rows; row += at_once) {
      if (const auto end = stopped ? stopped() : std::nullopt) {
        return *end;
      }
      const std::uint64_t count = std::min(at_once, rows - row);
      StepBox piece = box;
      if (box.count.size() != 0) {
        piece.start.values[0] += row;
        piece.count.values[0] = count;
      }
      const Hyperslab slab = piece.slab(of->step);
      const RawArray memory(into.subspan(row * row_bytes, count * row_bytes), array->element(), slab.count);
      if (auto read = array->read_to(memory, slab, {.strict = true}); !read) {
        return about_step_variable(of->name, read.error());
      }
    }
    return {};
  });
}

}  // namespace locum::storage
