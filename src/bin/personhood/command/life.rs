//! What comes after enrolment: one file for the commands about people, one for reviews, one for the rules of the house.

pub(super) mod people;
pub(super) mod review;
pub(super) mod rules;
