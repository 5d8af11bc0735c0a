#include "jobs/gray_scott/frame_reports.hpp"

#include <type_traits>

namespace gray_scott {
namespace {

constexpr int report_tag = 1;
static_assert(std::is_trivially_copyable_v<FrameReport>);

}  // namespace

FrameReports::FrameReports(MPI_Comm world, int simulation_ranks, int analysis_ranks)
    : world_(world),
      receives_([world] {
        int rank = 0;
        MPI_Comm_rank(world, &rank);
        return rank == 0;
      }()),
      simulation_ranks_(simulation_ranks),
      analysis_ranks_(static_cast<std::size_t>(analysis_ranks)) {}

int FrameReports::next_source() const {
  return simulation_ranks_ + static_cast<int>(taken_ % analysis_ranks_);
}

FrameReport FrameReports::receive() {
  FrameReport report;
  MPI_Recv(&report, sizeof report, MPI_BYTE, next_source(), report_tag, world_, MPI_STATUS_IGNORE);
  ++taken_;
  return report;
}

void FrameReports::send(const FrameReport& report) const {
  MPI_Send(&report, sizeof report, MPI_BYTE, 0, report_tag, world_);
}

std::vector<FrameReport> FrameReports::take_arrived() {
  std::vector<FrameReport> reports;
  while (receives_) {
    int is_there = 0;
    MPI_Iprobe(next_source(), report_tag, world_, &is_there, MPI_STATUS_IGNORE);
    if (is_there == 0) {
      break;
    }
    reports.push_back(receive());
  }
  return reports;
}

std::vector<FrameReport> FrameReports::take_all(std::size_t frames) {
  std::vector<FrameReport> reports;
  while (receives_ && taken_ < frames) {
    reports.push_back(receive());
  }
  return reports;
}

}  // namespace gray_scott
