#include "transport/storage/hdf5/checkpoint_part.hpp"

#include "core/value/error.hpp"
#include "core/value/extents.hpp"
#include "transport/storage/hdf5/errors.hpp"

namespace locum::storage {

FilePart part_of(const PartReader& file, const ObjectRow& row) {
  FilePart part;
  part.path = file.file(row);
  part.bytes_in = part.path;
  part.dataset = file.path(row);
  part.type = file.type(row);
  part.element_bytes = row.element_bytes;
  part.layout = static_cast<std::uint8_t>(row.layout);
  part.of_checkpoint = 1;
  part.checksum = row.checksum;
  if (row.size_bytes % row.element_bytes != 0) {
    throw file_damaged(file.file(), "an object in its table has half an element");
  }
  part.count = {row.extents.begin(), row.extents.begin() + row.rank};
  if (part.count.empty()) {
    part.count = {row.size_bytes / row.element_bytes};
  }
  part.extents = part.count;
  part.start.assign(part.count.size(), 0);
  part.stride.assign(part.count.size(), 1);
  try {
    if (const auto offset = file.find(row)) {
      part.offset = *offset;
      part.is_plain = 1;
    }
  } catch (const Error&) {  // of which its reader will tell
    part.is_plain = 0;
  }
  return part;
}

}  // namespace locum::storage
