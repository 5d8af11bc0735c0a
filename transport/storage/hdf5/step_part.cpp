#include "transport/storage/hdf5/step_part.hpp"

#include <algorithm>
#include <vector>

#include "core/object/current_type_name.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/file_access.hpp"
#include "transport/storage/hdf5/step_layout.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t bytes_of_a_file = 16 * 1024;
constexpr std::uint64_t bytes_of_a_dataset = 2 * 1024;
constexpr const char* layout_attribute = "locum_layout";
constexpr const char* type_attribute = "locum_type";
constexpr const char* step_attribute = "locum_step";

std::vector<std::uint64_t> make_file(const DurableFile& durable, std::uint64_t number,
                                     std::span<const ObjectView> objects) {
  const Hdf5Turn turn;
  const std::string what = "making the file '" + durable.temporary() + "'";
  Identifier file = create_unlocked(durable.temporary(), packed_below);
  std::vector<std::uint64_t> offsets;
  for (const ObjectView& object : objects) {
    const ObjectFacts facts = object.facts();
    const DatasetShape shape = shape_of(facts);
    const std::string path = block_path(offsets.size());
    offsets.push_back(make_early_dataset(file, durable.temporary(), path, shape.type, shape.extents));
    const Identifier dataset(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT), H5Dclose, what);
    set_attribute(dataset, type_attribute, std::string(facts.type_name));
    set_attribute(dataset, layout_attribute, static_cast<std::uint64_t>(facts.layout));
    set_attribute(dataset, step_attribute, number);
  }
  check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), what);
  file.close(what);
  return offsets;
}

}  // namespace

void write_step_part(const std::string& path, std::uint64_t number, detail::StepRecord& part,
                     std::span<const ObjectView> objects) {
  std::uint64_t expected = bytes_of_a_file;
  for (std::size_t at = 0; at < objects.size(); ++at) {
    const ObjectFacts facts = objects[at].facts();
    if (!facts.whole) {
      throw end_overwritten("the type of a block of this step");
    }
    part.blocks[at].place = static_cast<std::uint32_t>(at);
    part.blocks[at].element_bytes = facts.element_bytes;
    expected += facts.size_bytes + bytes_of_a_dataset + facts.type_name.size();
  }
  DurableFile durable(path);
  durable.try_room(expected);
  const std::vector<std::uint64_t> offsets = make_file(durable, number, objects);
  durable.open();
  for (std::size_t at = 0; at < objects.size(); ++at) {
    durable.write_at(offsets[at], objects[at].bytes());
  }
  durable.publish();
}

FilePart find_block_in(const std::string& path, std::uint64_t number, const detail::BlockRecord& block) {
  const Hdf5Turn turn;
  const std::string name = block_path(block.place);
  const Dataset opened = open_dataset(path, name);
  FilePart part;
  part.path = path;
  part.dataset = name;
  part.type = current_type_name(optional_text(opened.dataset, type_attribute));
  if (part.type.empty()) {
    throw file_damaged(path, "the dataset '" + name + "' has no type");
  }
  // Files of earlier versions do not say it.
  if (const std::uint64_t of = attribute_or(opened.dataset, step_attribute, number); of != number) {
    throw of_another_step(path, of);
  }
  const std::uint64_t layout = attribute(opened.dataset, layout_attribute);
  part.layout = static_cast<std::uint8_t>(std::min<std::uint64_t>(layout, 255));
  part.element_bytes = static_cast<std::uint32_t>(H5Tget_size(opened.type.get()));
  part.extents = opened.extents.empty() ? std::vector<std::uint64_t>{1} : opened.extents;
  complete_part(part, opened, {});
  std::uint64_t bytes = part.element_bytes;
  for (const std::uint64_t extent : part.extents) {
    bytes *= extent;
  }
  if (bytes != block.size_bytes || (bytes > 0 && part.is_plain == 0)) {
    throw file_damaged(path, "the size of the dataset '" + name + "' is not that of the block of the step");
  }
  return part;
}

}  // namespace locum::storage
