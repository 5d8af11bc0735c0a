#include "shm/table/entry_record.hpp"

#include <gtest/gtest.h>

namespace locum::shm {
namespace {

TEST(EntryRecord, IsWhatWasWritten) {
  ObjectRecord record;
  record.offset = 0x0102030405060708;
  record.size_bytes = 0x1112131415161718;
  record.type_hash = 0x2122232425262728;
  record.name_hash = 0x3132333435363738;
  record.store = 0x41424344;
  record.name_bytes = 0x15152;
  record.type_name_bytes = 0x6162;
  record.rank = 7;
  record.extra_words = 3;
  record.layout = Layout::encoded;
  Entry entry{};
  write_record(entry, record, 0x7ABC);
  for (const ObjectRecord& read : {entry.record, read_record(entry)}) {
    EXPECT_EQ(read.offset, record.offset);
    EXPECT_EQ(read.size_bytes, record.size_bytes);
    EXPECT_EQ(read.type_hash, record.type_hash);
    EXPECT_EQ(read.name_hash, record.name_hash);
    EXPECT_EQ(read.store, record.store);
    EXPECT_EQ(read.name_bytes, record.name_bytes);
    EXPECT_EQ(read.check, 0x7ABCU);
    EXPECT_EQ(read.type_name_bytes, record.type_name_bytes);
    EXPECT_EQ(read.rank, record.rank);
    EXPECT_EQ(read.extra_words, record.extra_words);
    EXPECT_EQ(read.layout, record.layout);
    EXPECT_EQ(read.link, 0U);
  }
}

}  // namespace
}  // namespace locum::shm
