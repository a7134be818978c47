//! What comes after enrolment: one file each for the steps of people, for those who go, for reviews, and for the rules of the house.

pub(super) mod erasing;
pub(super) mod people;
pub(super) mod review;
pub(super) mod rules;
pub(super) mod station;
